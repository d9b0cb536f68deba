//! Captures that are still being made: a file that grows, and pcap over TCP, connected to or waited for.
//!
//! A file is followed by its handle, as `tail -f` does: one that is moved away is still read, and one that takes its name is not. What a
//! peer sends over TCP is a capture as a pipe gives it, pcap or pcapng, compressed or not; it ends when the peer closes. Nothing is
//! encrypted and nobody is asked who they are: a capture over a network that others reach needs a tunnel.

use std::fs::File;
use std::io::{self, Read};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::SourceError;

/// How long a followed file, or a listener, rests where there is nothing new.
const REST: Duration = Duration::from_millis(50);

/// A file that grows until somebody says stop.
pub struct Follow {
    file: File,
    stop: Arc<AtomicBool>,
}

impl Follow {
    /// Follows the file at `path` until `stop` is set.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn open(path: &Path, stop: Arc<AtomicBool>) -> Result<Self, SourceError> {
        let file =
            File::open(path).map_err(|error| SourceError::new(path.display().to_string(), format!("cannot be followed: {error}")))?;
        Ok(Self { file, stop })
    }
}

impl Read for Follow {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        loop {
            // asked first: what was written before the word came is still read
            let stop = self.stop.load(Ordering::Relaxed);
            let n = self.file.read(room)?;
            if n > 0 || stop || room.is_empty() {
                return Ok(n);
            }
            thread::sleep(REST);
        }
    }
}

/// Connects to `address` (`HOST:PORT`), where somebody sends a capture.
///
/// # Errors
/// If nobody answers there.
pub fn connect(address: &str) -> Result<TcpStream, SourceError> {
    TcpStream::connect(address).map_err(|error| {
        SourceError::new(
            format!("TCP@{address}"),
            format!("cannot be connected to: {error}; write it as TCP@HOST:PORT, and see that the capture is served there"),
        )
    })
}

/// Waits at `address` (`ADDRESS:PORT`) for one peer that sends a capture, until `stop` is set. `listening` is told the address in full.
///
/// # Errors
/// If nobody can be waited for there, or nobody came.
pub fn accept(address: &str, stop: &AtomicBool, listening: impl FnOnce(std::net::SocketAddr)) -> Result<TcpStream, SourceError> {
    let failed = |error: io::Error| {
        let message = format!("cannot be listened at: {error}; write it as LISTEN@ADDRESS:PORT, with an address of this machine");
        SourceError::new(format!("LISTEN@{address}"), message)
    };
    let listener = TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    listening(listener.local_addr().map_err(failed)?);
    while !stop.load(Ordering::Relaxed) {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false).map_err(failed)?;
                return Ok(stream);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(REST),
            Err(error) => return Err(failed(error)),
        }
    }
    Err(SourceError::new(format!("LISTEN@{address}"), "nobody connected"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Block;
    use crate::source::file::from_reader;
    use crate::source::file::tests::{HEADER, record};
    use crate::source::{Fill, Source};
    use std::io::Write;
    use std::sync::mpsc::channel;

    fn frames(source: &mut dyn Source, wanted: usize) -> usize {
        let (mut frames, mut block) = (0, Block::default());
        while frames < wanted && source.fill(&mut block).unwrap() == Fill::More {
            frames += block.frames.len();
        }
        frames + if frames < wanted { block.frames.len() } else { 0 }
    }

    #[test]
    fn a_growing_file_is_read_as_it_grows() {
        let path = std::env::temp_dir().join(format!("wirewitness-follow-{}.pcap", std::process::id()));
        let mut file = File::create(&path).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        file.write_all(&HEADER).unwrap();
        let follow = Follow::open(&path, Arc::clone(&stop)).unwrap();
        let mut source = from_reader("f".to_owned(), 0, Box::new(follow)).unwrap();
        for n in 0..3 {
            file.write_all(&record(n, b"some")).unwrap();
            assert_eq!(frames(source.as_mut(), 1), 1);
        }
        file.write_all(&record(9, b"last")[..7]).unwrap();
        stop.store(true, Ordering::Relaxed);
        assert_eq!(frames(source.as_mut(), 1), 0);
        assert!(source.stats().damage.is_some(), "half a record is no whole one");
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_capture_comes_over_tcp_either_way() {
        let bytes = [HEADER.to_vec(), record(1, b"one"), record(2, b"two")].concat();
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap().to_string();
        let sent = bytes.clone();
        let serving = thread::spawn(move || server.accept().unwrap().0.write_all(&sent).unwrap());
        let mut source = from_reader("t".to_owned(), 0, Box::new(connect(&address).unwrap())).unwrap();
        assert_eq!((frames(source.as_mut(), 9), source.stats().damage.clone()), (2, None));
        serving.join().unwrap();

        let (to, from) = channel();
        let sending = thread::spawn(move || TcpStream::connect(from.recv().unwrap()).unwrap().write_all(&bytes).unwrap());
        let stream = accept("127.0.0.1:0", &AtomicBool::new(false), |address| to.send(address).unwrap()).unwrap();
        let mut source = from_reader("t".to_owned(), 0, Box::new(stream)).unwrap();
        assert_eq!(frames(source.as_mut(), 9), 2);
        sending.join().unwrap();
    }

    #[test]
    fn nobody_there_is_said() {
        assert!(connect("127.0.0.1:1").unwrap_err().to_string().contains("TCP@127.0.0.1:1: cannot be connected to"));
        assert!(accept("no address", &AtomicBool::new(false), |_| ()).unwrap_err().to_string().contains("cannot be listened at"));
        assert!(accept("127.0.0.1:0", &AtomicBool::new(true), |_| ()).unwrap_err().to_string().contains("nobody connected"));
    }
}
