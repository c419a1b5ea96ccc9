//! Which tenants there are, and what leads to one.

use super::super::host::Host;
use super::super::look::{Logo, Look, LookChange, MAX_LOGO_BYTES};
use super::super::tenant::Neighbours;
use super::{Catalogue, Tenant, at, hall};
use crate::catalogue::Error;
use media::ingest::StreamKey;

fn hosts(names: &[&str]) -> Vec<Host> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

pub(super) async fn are_listed_with_their_names_the_default_one_first(catalogue: Catalogue) {
    let alone = catalogue.tenants().await.unwrap();
    assert_eq!((alone.len(), &alone[0].tenant, alone[0].name.as_str()), (1, &Tenant::default(), "Amphi"));
    let names = hosts(&["tv.b.example", "b.example"]);
    let b = catalogue.add_tenant(" Université B ", &names, at(0)).await.unwrap();
    let c = catalogue.add_tenant("C", &[], at(1)).await.unwrap();
    let all = catalogue.tenants().await.unwrap();
    assert_eq!(all.iter().map(|listed| &listed.tenant).collect::<Vec<_>>(), [&Tenant::default(), &b, &c]);
    assert_eq!((all[1].name.as_str(), &all[1].hosts), ("Université B", &names));
    assert!(all[0].hosts.is_empty() && all[2].hosts.is_empty());
    // What is said last, in the order that it is said in.
    let others = hosts(&["z.example", "tv.b.example", "a.example"]);
    catalogue.of(b).set_hosts(&others).await.unwrap();
    assert_eq!(catalogue.tenants().await.unwrap()[1].hosts, others);
}

pub(super) async fn have_neighbours_of_their_own_or_those_of_the_server(catalogue: Catalogue) {
    let b = catalogue.of(catalogue.add_tenant("B", &[], at(1)).await.unwrap());
    let listed = || async { catalogue.tenants().await.unwrap()[1].neighbours.clone() };
    assert_eq!(listed().await, Neighbours::default());
    let sites = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    let own = Neighbours { embedders: sites(&["https://moodle.b.example", "https://*.b.example"]), tools: sites(&[]) };
    b.set_neighbours(&own).await.unwrap();
    assert_eq!(listed().await, own);
    assert_eq!((b.neighbours().await.unwrap(), catalogue.neighbours().await.unwrap()), (own, Neighbours::default()));
    assert_eq!(catalogue.tenants().await.unwrap()[0].neighbours, Neighbours::default(), "nobody else's");
    for bad in ["https://a; script-src *", "https://a https://b", "https://a,b", ""].map(|bad| sites(&[bad])) {
        let refused = b.set_neighbours(&Neighbours { embedders: bad.clone(), tools: None }).await;
        let empty = bad == sites(&[""]);
        assert!(empty || matches!(refused, Err(Error::Invalid { field: "embedders", .. })), "{bad:?} {refused:?}");
    }
    b.set_neighbours(&Neighbours::default()).await.unwrap();
    assert_eq!(listed().await, Neighbours::default());
}

pub(super) async fn a_name_leads_to_one_tenant(catalogue: Catalogue) {
    let b = catalogue.add_tenant("B", &hosts(&["b.example"]), at(1)).await.unwrap();
    let refused = catalogue.add_tenant("C", &hosts(&["c.example", "B.example"]), at(1)).await;
    assert!(matches!(refused, Err(Error::Taken("host"))), "{refused:?}");
    assert_eq!(catalogue.tenants().await.unwrap().len(), 2, "all or nothing");
    let c = catalogue.add_tenant("C", &hosts(&["c.example"]), at(2)).await.unwrap();
    let refused = catalogue.of(c.clone()).set_hosts(&hosts(&["x.example", "b.example"])).await;
    assert!(matches!(refused, Err(Error::Taken("host"))), "{refused:?}");
    let twice = catalogue.of(c.clone()).set_hosts(&hosts(&["x.example", "x.example"])).await;
    assert!(matches!(twice, Err(Error::Taken("host"))), "{twice:?}");
    assert_eq!(catalogue.tenants().await.unwrap()[2].hosts, hosts(&["c.example"]), "all or nothing");
    catalogue.of(b).set_hosts(&[]).await.unwrap();
    catalogue.of(c).set_hosts(&hosts(&["b.example"])).await.unwrap();
    let many: Vec<Host> = (0..33).map(|n| format!("h{n}.example").parse().unwrap()).collect();
    assert!(matches!(catalogue.set_hosts(&many).await, Err(Error::Invalid { field: "host", .. })));
    assert!(matches!(catalogue.add_tenant(" ", &[], at(1)).await, Err(Error::Invalid { field: "name", .. })));
}

pub(super) async fn a_key_opens_one_broadcaster_of_all_tenants(ours: Catalogue) {
    let theirs = ours.of(ours.add_tenant("B", &[], at(1)).await.unwrap());
    let (a, b) = (hall(&ours, "hall").await, hall(&theirs, "hall").await);
    let key = StreamKey::new("chosen-by-somebody".to_owned());
    let known = ours.add_known_key(&a.id, "x", &key, at(1)).await.unwrap();
    let refused = theirs.add_known_key(&b.id, "x", &key, at(1)).await;
    assert!(matches!(refused, Err(Error::Taken("stream key"))), "{refused:?}");
    assert!(theirs.find_by_key(Some("hall"), &key, at(2)).await.unwrap().is_none());
    // One that was given up may be chosen again, there as here.
    ours.revoke_key(&a.id, &known.id, at(3)).await.unwrap();
    theirs.add_known_key(&b.id, "x", &key, at(4)).await.unwrap();
    assert_eq!(theirs.find_by_key(None, &key, at(5)).await.unwrap(), Some(b));
    assert!(ours.find_by_key(None, &key, at(5)).await.unwrap().is_none());
}

fn png(bytes: usize) -> Vec<u8> {
    let mut picture = b"\x89PNG\r\n\x1a\n".to_vec();
    picture.resize(bytes, 7);
    picture
}

pub(super) async fn look_as_they_said_and_nobody_elses_does(ours: Catalogue) {
    let theirs = ours.of(ours.add_tenant("B", &[], at(1)).await.unwrap());
    assert_eq!(ours.look().await.unwrap(), Look::default());
    let logo = Logo::new(png(MAX_LOGO_BYTES)).unwrap();
    let change = LookChange {
        name: Some(" Université B ".to_owned()),
        accent_light: Some(Some("#7a0019".parse().unwrap())),
        accent_dark: Some(Some("#ffd000".parse().unwrap())),
        languages: Some(vec!["fr".to_owned()]),
        footer: Some("Service audiovisuel".to_owned()),
        contact: Some(" aide@b.example".to_owned()),
        logo: Some(Some(logo.clone())),
    };
    theirs.change_look(change, at(5)).await.unwrap();
    let look = theirs.look().await.unwrap();
    assert_eq!((look.name.as_str(), look.footer.as_str()), ("Université B", "Service audiovisuel"));
    assert_eq!(look.contact, "aide@b.example");
    assert_eq!((look.languages.as_slice(), look.logo.as_ref()), (&["fr".to_owned()][..], Some(&logo)));
    assert_eq!([look.accent_light, look.accent_dark].map(|c| c.unwrap().to_string()), ["#7a0019", "#ffd000"]);
    assert_eq!((look.changed_at, theirs.look_changed_at().await.unwrap()), (at(5), at(5)));
    assert_eq!(ours.look().await.unwrap(), Look::default());
    // What is not said stays, and what is given up is as it was.
    let change = LookChange { accent_light: Some(None), logo: Some(None), ..LookChange::default() };
    theirs.change_look(change, at(6)).await.unwrap();
    let after = theirs.look().await.unwrap();
    assert_eq!(after, Look { accent_light: None, logo: None, changed_at: at(6), ..look });
    let nobody = ours.of(Tenant::other("nobody"));
    assert!(matches!(nobody.change_look(LookChange::default(), at(7)).await, Err(Error::NotFound("tenant"))));
}

pub(super) async fn what_cannot_be_read_or_could_run_is_refused_and_nothing_is_changed(catalogue: Catalogue) {
    let colour = |text: &str| Some(Some(text.parse().unwrap()));
    for (change, field) in [
        (LookChange { accent_light: colour("#ffd000"), ..LookChange::default() }, "accent_light"),
        (LookChange { accent_dark: colour("#7a0019"), ..LookChange::default() }, "accent_dark"),
    ] {
        let refused = catalogue.change_look(LookChange { name: Some("X".to_owned()), ..change }, at(1)).await;
        assert!(
            matches!(refused, Err(Error::Contrast { field: f, ratio, .. }) if f == field && ratio < 4.5),
            "{refused:?}"
        );
    }
    let tags = |tags: &[&str]| Some(tags.iter().map(|tag| (*tag).to_owned()).collect());
    for (change, field) in [
        (LookChange { languages: tags(&[]), ..LookChange::default() }, "languages"),
        (LookChange { languages: tags(&["fr", "fr"]), ..LookChange::default() }, "languages"),
        (LookChange { languages: tags(&["de"]), ..LookChange::default() }, "languages"),
        (LookChange { footer: Some("x".repeat(301)), ..LookChange::default() }, "footer"),
        (LookChange { footer: Some("a\nb".to_owned()), ..LookChange::default() }, "footer"),
        (LookChange { contact: Some("us".to_owned()), ..LookChange::default() }, "contact"),
        (LookChange { contact: Some("http://b.example".to_owned()), ..LookChange::default() }, "contact"),
        (LookChange { contact: Some("a@b.example c".to_owned()), ..LookChange::default() }, "contact"),
        (LookChange { name: Some(" ".to_owned()), ..LookChange::default() }, "name"),
    ] {
        let refused = catalogue.change_look(change, at(1)).await;
        assert!(matches!(refused, Err(Error::Invalid { field: f, .. }) if f == field), "{refused:?}");
    }
    for bytes in [b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>".to_vec(), Vec::new(), png(MAX_LOGO_BYTES + 1)] {
        assert!(matches!(Logo::new(bytes), Err(Error::Invalid { field: "logo", .. })));
    }
    assert_eq!(catalogue.look().await.unwrap(), Look::default());
}
