//! One definition per setting: its type, its default and its documentation, which is also the sample file's.

/// A setting as the sample file shows it and as unknown keys are compared with.
#[derive(Clone, Debug)]
pub struct Key {
    /// Dotted, such as `live.grace`.
    pub path: String,
    /// Lines of its doc comment.
    pub doc: Vec<&'static str>,
    /// As TOML.
    pub default: toml::Value,
}

/// What `section!` makes.
pub trait Section: Default {
    /// Lines of the section's doc comment.
    fn about() -> Vec<&'static str>;

    /// Its settings in the order of the source.
    fn keys(name: &str) -> Vec<Key>;
}

/// A value as TOML. Every type of a setting can be written: the test of the sample file goes through them all.
pub(super) fn as_toml<T: serde::Serialize>(value: &T) -> toml::Value {
    toml::Value::try_from(value).unwrap_or_else(|_| toml::Value::String(String::new()))
}

/// Defines a section: a struct with documented fields, each with its default after `=`.
macro_rules! section {
    (
        $(#[doc = $about:literal])*
        pub struct $name:ident {
            $($(#[doc = $doc:literal])* pub $field:ident: $type:ty = $default:expr,)*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[doc = $doc])* pub $field: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $crate::config::section::Section for $name {
            fn about() -> Vec<&'static str> {
                vec![$($about,)*]
            }

            fn keys(name: &str) -> Vec<$crate::config::section::Key> {
                let defaults = Self::default();
                vec![$($crate::config::section::Key {
                    path: format!("{name}.{}", stringify!($field)),
                    doc: vec![$($doc,)*],
                    default: $crate::config::section::as_toml(&defaults.$field),
                },)*]
            }
        }
    };
}
pub(super) use section;
