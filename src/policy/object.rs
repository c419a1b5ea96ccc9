//! What is asked for, and what is to be done with it.

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Object<'a> {
    /// Whose.
    pub tenant: &'a str,
    /// Which one: a broadcaster's, video's or person's id; empty for what there is one of, and for what does not exist yet.
    pub id: &'a str,
    /// What.
    pub kind: Kind,
}

/// What kind of thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// What every visitor gets: home, lists, search, sign-in, the API's description. What lists show is asked for one by one.
    Site,
    /// A person's own account and sessions.
    Account,
    /// Of a broadcaster.
    Live(LivePart),
    /// Of a video.
    Video(VideoPart),
    /// A page for operators. What it shows is asked for one by one.
    OperatorPage,
    /// Where broadcasters are, and what operators are limited to.
    Buildings,
    /// Work in the background.
    Jobs,
    /// People, groups, roles.
    People,
    /// API tokens.
    Tokens,
    /// What administrators did.
    AuditLog,
    /// Whether the server answers: for load balancers.
    ServerHealth,
    /// The server's figures, those of all tenants.
    ServerMetrics,
}

/// Which part of a broadcaster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LivePart {
    /// The page to watch it on, with its events; its embedded form.
    Page,
    /// Multivariant and media playlists.
    Playlist,
    /// Initialisation, segments and parts of pictures and sound.
    Segment,
    /// The same of captions, and cues as they are made.
    Caption,
    /// What is known of it, without its health.
    Record,
    /// What is known of its contribution and engines.
    Health,
    /// Its stream keys, and where it is pulled from.
    Keys,
    /// Whom it is for.
    Rights,
}

/// Which part of a video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VideoPart {
    /// The page to watch it on; its embedded form.
    Page,
    /// Multivariant and media playlists.
    Playlist,
    /// Initialisation and segments of pictures and sound.
    Segment,
    /// Captions and transcripts.
    Caption,
    /// Poster and previews.
    Picture,
    /// The whole of it as one file.
    Download,
    /// What is known of it.
    Record,
    /// Whom it is for, whose it is, and the links that open a draft.
    Rights,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// To have it, knowing its address.
    See,
    /// To be shown it in a list that everybody has, or in a search.
    Find,
    /// To add one.
    Create,
    /// To change it.
    Change,
    /// To remove it.
    Delete,
    /// To take a removal back.
    Restore,
    /// To end a live, or to try its engines again.
    Operate,
    /// To say that a recording that waits for its owner is one's own.
    Claim,
}

impl Action {
    /// All there are.
    pub const ALL: [Self; 8] =
        [Self::See, Self::Find, Self::Create, Self::Change, Self::Delete, Self::Restore, Self::Operate, Self::Claim];

    /// Whether something is different afterwards.
    #[must_use]
    pub fn writes(self) -> bool {
        !matches!(self, Self::See | Self::Find)
    }
}

impl LivePart {
    /// All there are.
    pub const ALL: [Self; 8] = [
        Self::Page,
        Self::Playlist,
        Self::Segment,
        Self::Caption,
        Self::Record,
        Self::Health,
        Self::Keys,
        Self::Rights,
    ];
}

impl VideoPart {
    /// All there are.
    pub const ALL: [Self; 8] = [
        Self::Page,
        Self::Playlist,
        Self::Segment,
        Self::Caption,
        Self::Picture,
        Self::Download,
        Self::Record,
        Self::Rights,
    ];
}
