//! The policy, as a table that people can read and as properties that no combination breaks.

mod cast;
mod matrix;
mod properties;
