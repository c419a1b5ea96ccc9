//! What a power cut or `kill -9` leaves behind is a live that goes on, whenever it comes.

mod killed;
mod truncated;
