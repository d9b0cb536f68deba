//! Compressed captures: gzip (RFC 1952), zstd (RFC 8878), lz4 frames, xz and bzip2, told by how they begin and never by a name.
//!
//! A thread of its own decompresses ahead of the reader, a few buffers at most, so that however much a file unpacks to, it takes no more
//! memory than those and the compressor's window, which is bounded too. Members that follow each other are read as one stream, as the
//! tools that write them read them; skippable frames are skipped, and zeros between members are padding. Checksums are held against the
//! data. What is cut or corrupt ends the stream with an error that names the place in the compressed file, behind all that could be
//! unpacked.
//!
//! Refused: legacy lz4 and bare LZMA, which have neither checksum nor end mark, and compressed data inside compressed data.

use std::io::{self, BufReader, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use crate::limits;

/// How a stream is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Gzip,
    Zstd,
    Lz4,
    Xz,
    Bzip2,
}

impl Packing {
    /// The compression of a stream that begins so.
    pub(super) fn of(magic: [u8; 4]) -> Option<Self> {
        match magic {
            [0x1f, 0x8b, 8, _] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd] => Some(Self::Zstd),
            [0x04, 0x22, 0x4d, 0x18] => Some(Self::Lz4),
            [0xfd, b'7', b'z', b'X'] => Some(Self::Xz),
            [b'B', b'Z', b'h', b'1'..=b'9'] => Some(Self::Bzip2),
            _ => None,
        }
    }

    /// Its name in documents and messages.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
        }
    }
}

/// What comes from the thread that decompresses.
enum Piece {
    Bytes(Vec<u8>),
    End,
    Failed(io::Error),
}

/// The unpacked bytes of a compressed stream.
pub(super) struct Unpacked {
    packing: Packing,
    pieces: Receiver<Piece>,
    spare: SyncSender<Vec<u8>>,
    at_hand: Vec<u8>,
    used: usize,
    over: bool,
}

impl Unpacked {
    /// Decompresses `packed` from its beginning.
    pub(super) fn new(packing: Packing, packed: Box<dyn Read + Send>) -> io::Result<Self> {
        let (to, pieces) = sync_channel(limits::UNPACKED_AHEAD);
        let (spare, buffers) = sync_channel(limits::UNPACKED_AHEAD);
        thread::Builder::new().name(packing.name().to_owned()).spawn(move || {
            let input = BufReader::with_capacity(limits::UNPACKED_BYTES, Counted { inner: packed, bytes: 0, ended: false });
            let mut unpacking = Unpacking { packing, input, to, buffers };
            let last = match unpacking.members() {
                Ok(()) => Piece::End,
                Err(error) => {
                    let place = unpacking.place();
                    Piece::Failed(io::Error::new(error.kind(), format!("{} data, near byte {place} of the file: {error}", packing.name())))
                }
            };
            // nobody may be listening any more
            let _ = unpacking.to.send(last);
        })?;
        Ok(Self { packing, pieces, spare, at_hand: Vec::new(), used: 0, over: false })
    }
}

impl Read for Unpacked {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        while self.used >= self.at_hand.len() && !self.over {
            let used = std::mem::take(&mut self.at_hand);
            let _ = self.spare.try_send(used);
            self.used = 0;
            match self.pieces.recv() {
                Ok(Piece::Bytes(bytes)) => self.at_hand = bytes,
                Ok(Piece::End) => self.over = true,
                Ok(Piece::Failed(error)) => {
                    self.over = true;
                    return Err(error);
                }
                Err(_) => {
                    self.over = true;
                    return Err(io::Error::other(format!("the decompression of {} data broke off", self.packing.name())));
                }
            }
        }
        let n = self.at_hand.get(self.used..).unwrap_or_default().read(room)?;
        self.used += n;
        Ok(n)
    }
}

/// The thread's side.
struct Unpacking {
    packing: Packing,
    input: BufReader<Counted>,
    to: SyncSender<Piece>,
    buffers: Receiver<Vec<u8>>,
}

impl Unpacking {
    /// How far the compressed stream was used.
    fn place(&self) -> u64 {
        self.input.get_ref().bytes.saturating_sub(self.input.buffer().len() as u64)
    }

    /// Unpacks member after member.
    fn members(&mut self) -> io::Result<()> {
        loop {
            let mut head = Vec::new();
            (&mut self.input).take(4).read_to_end(&mut head)?;
            let Some(&magic) = head.first_chunk::<4>() else {
                return if head.iter().all(|byte| *byte == 0) { Ok(()) } else { Err(cut("ends inside a header")) };
            };
            match magic {
                [0, 0, 0, 0] => continue,
                [0x50..=0x5f, 0x2a, 0x4d, 0x18] => self.skip()?,
                _ if Packing::of(magic) == Some(self.packing) => {
                    if !self.member(magic)? {
                        return Ok(());
                    }
                }
                _ => return Err(io::Error::new(io::ErrorKind::InvalidData, "something else follows the compressed data")),
            }
        }
    }

    /// A skippable frame: its length and so many bytes (RFC 8878 section 3.1.2; lz4 has the same).
    fn skip(&mut self) -> io::Result<()> {
        let mut length = [0; 4];
        self.input.read_exact(&mut length)?;
        let length = u64::from(u32::from_le_bytes(length));
        let skipped = io::copy(&mut (&mut self.input).take(length), &mut io::sink())?;
        if skipped < length { Err(cut("ends inside a skippable frame")) } else { Ok(()) }
    }

    /// Unpacks one member, of which `head` was read. Returns whether anybody listens on.
    fn member(&mut self, head: [u8; 4]) -> io::Result<bool> {
        let Self { packing, input, to, buffers } = self;
        let out = Out { to, buffers };
        let mut packed = head.as_slice().chain(&mut *input);
        match packing {
            Packing::Gzip => out.all(&mut flate2::bufread::GzDecoder::new(packed)),
            Packing::Bzip2 => out.all(&mut bzip2::bufread::BzDecoder::new(packed)),
            Packing::Xz => {
                let window = (limits::UNPACK_WINDOW_BYTES >> 10) as u32;
                out.all(&mut lzma_rust2::XzReader::new_mem_limit(packed, false, window))
            }
            Packing::Zstd => {
                let window = limits::UNPACK_WINDOW_BYTES as u64;
                let mut decoder =
                    ruzstd::decoding::StreamingDecoder::new_with_max_window_size(&mut packed, window).map_err(io::Error::other)?;
                let goes_on = out.all(&mut decoder)?;
                let (_, frame) = decoder.into_parts();
                match (frame.get_checksum_from_data(), frame.get_calculated_checksum()) {
                    (Some(said), Some(found)) if said != found && goes_on => {
                        Err(io::Error::new(io::ErrorKind::InvalidData, "the checksum does not fit the data"))
                    }
                    _ => Ok(goes_on),
                }
            }
            Packing::Lz4 => {
                let goes_on = out.all(&mut lz4_flex::frame::FrameDecoder::new(packed))?;
                // the decoder takes an end of the input between blocks for the end mark, which asks for no more input
                if goes_on && input.get_ref().ended { Err(cut("ends without an end mark")) } else { Ok(goes_on) }
            }
        }
    }
}

/// Where the unpacked bytes go.
struct Out<'a> {
    to: &'a SyncSender<Piece>,
    buffers: &'a Receiver<Vec<u8>>,
}

impl Out<'_> {
    /// Hands on all that `unpacked` gives, as it comes; what was unpacked ahead of an error too. Returns whether anybody listens on.
    fn all(&self, unpacked: &mut dyn Read) -> io::Result<bool> {
        loop {
            let mut bytes = self.buffers.try_recv().unwrap_or_default();
            bytes.resize(limits::UNPACKED_BYTES, 0);
            let n = match unpacked.read(&mut bytes) {
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if n == 0 {
                return Ok(true);
            }
            bytes.truncate(n);
            if self.to.send(Piece::Bytes(bytes)).is_err() {
                return Ok(false);
            }
        }
    }
}

/// Counts what is read, and whether the end was met.
struct Counted {
    inner: Box<dyn Read + Send>,
    bytes: u64,
    ended: bool,
}

impl Read for Counted {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(room)?;
        self.bytes += n as u64;
        self.ended |= n == 0 && !room.is_empty();
        Ok(n)
    }
}

fn cut(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, what)
}

#[cfg(test)]
mod tests;
