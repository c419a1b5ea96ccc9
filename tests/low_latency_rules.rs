//! The rules of LL-HLS through whole lives: every kind of source, and what happens to one between its beginning and its end.

mod interrupted;
mod sources;
