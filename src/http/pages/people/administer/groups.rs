//! `/groups`: the groups that things are for, and how many people are in each.

use super::trouble;
use crate::catalogue::Error;
use crate::catalogue::group::Group;
use crate::catalogue::id::GroupId;
use crate::http::accounts::Accounts;
use crate::http::gate::Noted;
use crate::http::pages::asking::Asking;
use crate::http::pages::form::{Fields, FormPage, Pair, said};
use crate::http::pages::frame::Frame;
use crate::http::pages::people::{Trouble, failed, not_ours, see};
use crate::http::pages::{ErrorPage, Reader};
use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;

struct Line {
    group: Group,
    people: u64,
}

#[derive(Template)]
#[template(path = "groups.html")]
struct Page<'a> {
    frame: Frame<'a>,
    token: &'a str,
    groups: Vec<Line>,
    typed: &'a str,
    trouble: Trouble,
}

/// `GET /groups`.
pub(super) async fn page(asking: Asking) -> Response {
    let reader = asking.reader();
    show(&asking.accounts, &reader, StatusCode::OK, "", Trouble::default()).await
}

async fn show(accounts: &Accounts, reader: &Reader<'_>, status: StatusCode, typed: &str, trouble: Trouble) -> Response {
    let found = async {
        let sizes = accounts.catalogue().group_sizes().await?;
        let groups = accounts.catalogue().groups().await?.into_iter();
        let people = |group: &Group| sizes.get(&group.id).copied().unwrap_or(0);
        Ok::<_, Error>(groups.map(|group| Line { people: people(&group), group }).collect())
    };
    let groups = match found.await {
        Ok(groups) => groups,
        Err(error) => {
            tracing::error!(%error, "groups can't be listed");
            return failed(reader);
        }
    };
    let form = FormPage::new(reader);
    form.respond(status, &Page { frame: form.frame(), token: form.token(), groups, typed, trouble })
}

/// `POST /groups`: one more, without anybody.
pub(super) async fn add(asking: Asking, Fields(sent): Fields<Vec<Pair>>) -> Response {
    let reader = asking.reader();
    let Some(sent) = sent else { return not_ours(&reader) };
    let title = said(&sent, "title");
    match asking.accounts.catalogue().add_group(title, asking.accounts.now()).await {
        Ok(group) => Noted(format!("{} {}", group.id, group.title)).on(see("/groups")),
        Err(error) => match trouble(&reader, &error) {
            Ok((status, trouble)) => show(&asking.accounts, &reader, status, title, trouble).await,
            Err(page) => *page,
        },
    }
}

/// `POST /groups/{id}/remove`, for who has ticked that it is meant: what was for it alone is then for nobody.
pub(super) async fn remove(asking: Asking, Path(id): Path<String>, Fields(sent): Fields<Vec<Pair>>) -> Response {
    let reader = asking.reader();
    if sent.is_none_or(|sent| said(&sent, "sure") != "yes") {
        return not_ours(&reader);
    }
    let Ok(id) = id.parse::<GroupId>() else { return ErrorPage::NotFound.render_for(&reader) };
    match asking.accounts.catalogue().remove_group(&id).await {
        Ok(()) => see("/groups"),
        Err(Error::NotFound(_)) => ErrorPage::NotFound.render_for(&reader),
        Err(error) => {
            tracing::error!(%error, "a group can't be removed");
            failed(&reader)
        }
    }
}
