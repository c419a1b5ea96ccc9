//! What every engine's supervisor needs: the child itself, how often it is started again, and whether it still lives.
//!
//! - [`process`]: finds, starts, feeds and reads a child, and waits for its end;
//! - [`attempts`]: when one that ended is started again, and when that is given up;
//! - [`pulse`]: whether one is silent.

pub(crate) mod attempts;
pub(crate) mod process;
pub(crate) mod pulse;
