//! Standard input. Secrets come by it: others can read the arguments of a command in the list of processes.

use super::Error;
use std::io::BufRead;

/// More than the longest password or URL: nobody may fill the memory with one.
const MAX_BYTES: u64 = 4_096;

/// The first line of standard input, without its end.
pub(super) fn line() -> Result<String, Error> {
    first_line(locked())
}

/// All of it, for whoever bounds it.
pub(super) fn locked() -> impl BufRead {
    std::io::stdin().lock()
}

fn first_line(input: impl BufRead) -> Result<String, Error> {
    let mut line = String::new();
    let read = input.take(MAX_BYTES).read_line(&mut line);
    read.map_err(|error| Error::Other(format!("standard input: {error}")))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_is_read_and_no_more_than_fits() {
        assert_eq!(first_line(&b"rtsp://u:p@cam/1\r\nmore\n"[..]).unwrap(), "rtsp://u:p@cam/1");
        assert_eq!(first_line(&b""[..]).unwrap(), "");
        assert_eq!(first_line(&vec![b'x'; 10_000][..]).unwrap().len(), 4_096);
        assert!(first_line(&b"\xff\xfe\n"[..]).is_err());
    }
}
