//! The catalogue's tests: each body runs on SQLite and on a real PostgreSQL, on a fresh, migrated catalogue.

mod access;
mod broadcasters;
mod credits;
mod details;
mod jobs;
mod keys;
mod listing;
mod people;
mod postgres;
mod scope;
mod sessions;
mod sqlite;
mod tenants;
mod videos;
mod viewers;

use super::broadcaster::{Broadcaster, NewBroadcaster};
use super::{Catalogue, Tenant};
use media::time::WallTime;

/// Files in `migrations/`.
const MIGRATIONS: usize = 13;

/// Bodies that take a fresh catalogue: a test each on SQLite, and all of them on one PostgreSQL.
macro_rules! on_both {
    ($($module:ident::$body:ident,)*) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $body() {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("db").join("catalogue.sqlite");
                let catalogue = super::Catalogue::open(path.to_str().unwrap()).await.unwrap();
                assert_eq!(catalogue.migrate().await.unwrap(), super::MIGRATIONS);
                super::$module::$body(catalogue.clone()).await;
                catalogue.close().await;
            })*
        }

        #[tokio::test]
        async fn all_on_postgresql() {
            let server = postgres::Server::start();
            $(
                let name = concat!(stringify!($module), "_", stringify!($body));
                eprintln!("on PostgreSQL: {name}");
                let catalogue = Catalogue::open(&server.create_database(name)).await.unwrap();
                assert_eq!(catalogue.migrate().await.unwrap(), MIGRATIONS);
                $module::$body(catalogue.clone()).await;
                catalogue.close().await;
            )*
        }
    };
}

on_both! {
    access::begins_for_everybody_or_as_said_and_changes,
    access::a_recording_is_for_whom_its_broadcaster_is,
    access::a_password_has_a_number_that_never_comes_back,
    access::who_owns_a_video_and_which_groups_see_it,
    access::links_open_until_revoked_or_expired,
    access::signing_keys_are_replaced_while_they_are_good,
    access::the_audit_log_is_read_newest_first,
    broadcasters::are_added_changed_and_listed,
    broadcasters::have_captions_of_their_own,
    broadcasters::a_removed_ones_slug_is_free_and_its_numbers_go_on,
    broadcasters::bad_values_are_refused_by_name,
    broadcasters::migrating_twice_changes_nothing,
    credits::are_said_changed_and_emptied,
    credits::are_bounded_as_a_videos_are,
    credits::are_taken_over_by_what_is_recorded_and_then_its_own,
    credits::are_each_tenants_own,
    details::are_changed_all_or_nothing_and_read_back,
    details::what_is_too_much_or_makes_no_sense_is_refused_by_name,
    details::a_recording_is_its_broadcasters_owners_or_waits_and_is_claimed_once,
    details::a_tool_stands_where_it_was_put_whatever_its_address,
    jobs::a_complete_video_has_one_and_it_is_done_once,
    jobs::a_lease_that_has_passed_is_claimed_again,
    jobs::a_failure_waits_and_is_given_up_and_can_be_tried_again,
    jobs::cancelling_takes_it_from_whoever_runs_it,
    jobs::runners_at_once_get_different_ones,
    jobs::videos_from_before_are_queued_a_few_at_a_time,
    jobs::a_restored_video_gets_what_it_missed_while_it_was_deleted,
    jobs::another_tenant_sees_and_claims_none,
    keys::open_their_own_broadcaster_only,
    keys::rotation_revokes_all_others,
    keys::a_removed_broadcasters_keys_open_nothing,
    keys::last_use_is_kept_to_the_minute,
    keys::the_demo_is_made_once,
    listing::each_narrowing_leaves_what_fits,
    listing::both_orders_go_through_all_once,
    people::have_unique_logins_addresses_and_passwords,
    people::are_found_without_case_and_accents,
    people::what_somebody_is_can_be_changed,
    people::somebody_always_administers,
    people::groups_and_affiliations_are_what_was_said_last,
    people::a_building_is_renamed_and_removed_when_nothing_is_in_it,
    people::tokens_are_found_until_revoked_or_expired,
    scope::another_tenant_sees_and_changes_nothing,
    sessions::hold_until_they_end_expire_or_are_unused,
    sessions::end_with_a_new_password_or_a_disabled_account,
    sessions::a_link_to_a_new_password_is_used_once,
    tenants::are_listed_with_their_names_the_default_one_first,
    tenants::have_neighbours_of_their_own_or_those_of_the_server,
    tenants::a_name_leads_to_one_tenant,
    tenants::a_key_opens_one_broadcaster_of_all_tenants,
    tenants::look_as_they_said_and_nobody_elses_does,
    tenants::what_cannot_be_read_or_could_run_is_refused_and_nothing_is_changed,
    videos::are_begun_finished_and_listed,
    videos::the_timeline_never_goes_back,
    videos::pages_show_each_video_once,
    videos::deleting_is_soft,
    videos::writers_at_once_all_succeed,
    viewers::a_minute_keeps_its_most_and_the_newest_are_read_in_order,
    viewers::views_add_up,
}

/// `ms` since the epoch.
fn at(ms: i64) -> WallTime {
    WallTime::from_micros(ms * 1_000)
}

async fn hall(catalogue: &Catalogue, slug: &str) -> Broadcaster {
    let new = NewBroadcaster::new(slug.parse().unwrap(), format!("Hall {slug}"));
    catalogue.add_broadcaster(new, at(1_000)).await.unwrap()
}
