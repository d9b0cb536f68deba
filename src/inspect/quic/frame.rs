//! Frames of Initial packets (RFC 9000 sections 12.4 and 19): few types may be in them, and any other makes the packet none.

use super::packet::Reader;

/// A frame that matters here; padding, pings and acknowledgements do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    /// Bytes of the TLS handshake, and where they belong.
    Crypto { offset: u64, bytes: &'a [u8] },
    /// The connection is over, by this error.
    Close { error: u64 },
}

/// The bytes are no frame that an Initial may hold.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoFrame;

/// The frames of a packet, up to the first that may not be in it.
pub(super) fn frames(payload: &[u8]) -> impl Iterator<Item = Result<Frame<'_>, NoFrame>> {
    let mut rest = Reader(payload);
    std::iter::from_fn(move || {
        loop {
            if rest.0.is_empty() {
                return None;
            }
            match next(&mut rest) {
                Some(Some(frame)) => return Some(Ok(frame)),
                Some(None) => {}
                None => {
                    rest.0 = &[];
                    return Some(Err(NoFrame));
                }
            }
        }
    })
}

/// The next frame: `None` where it may not be here, `Some(None)` where it does not matter.
fn next<'a>(rest: &mut Reader<'a>) -> Option<Option<Frame<'a>>> {
    const PADDING: u64 = 0;
    const PING: u64 = 1;
    const ACK: u64 = 2;
    const ACK_ECN: u64 = 3;
    const CRYPTO: u64 = 6;
    const CLOSE: u64 = 0x1c;
    match rest.varint()? {
        PADDING => {
            let padding = rest.0.iter().take_while(|&&byte| byte == 0).count();
            rest.take(padding)?;
            Some(None)
        }
        PING => Some(None),
        kind @ (ACK | ACK_ECN) => {
            let (_largest, _delay, ranges, _first) = (rest.varint()?, rest.varint()?, rest.varint()?, rest.varint()?);
            // each takes two bytes at least, so that a count beyond them ends the frame
            for _ in 0..ranges {
                let (_gap, _length) = (rest.varint()?, rest.varint()?);
            }
            if kind == ACK_ECN {
                let (_ect0, _ect1, _ce) = (rest.varint()?, rest.varint()?, rest.varint()?);
            }
            Some(None)
        }
        CRYPTO => {
            let (offset, length) = (rest.varint()?, usize::try_from(rest.varint()?).ok()?);
            Some(Some(Frame::Crypto { offset, bytes: rest.take(length)? }))
        }
        CLOSE => {
            let (error, _frame, reason) = (rest.varint()?, rest.varint()?, usize::try_from(rest.varint()?).ok()?);
            rest.take(reason)?;
            Some(Some(Frame::Close { error }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(payload: &[u8]) -> Vec<Result<Frame<'_>, NoFrame>> {
        frames(payload).collect()
    }

    #[test]
    fn what_matters_is_found_among_the_rest() {
        let payload = [0, 0, 1, 2, 5, 0, 1, 0, 0, 0, 6, 0x40, 9, 2, 7, 8, 3, 5, 0, 0, 0, 1, 1, 1, 0x1c, 0x41, 0x28, 0, 1, b'x', 0];
        let expected = [Ok(Frame::Crypto { offset: 9, bytes: &[7, 8] }), Ok(Frame::Close { error: 0x128 })];
        assert_eq!(read(&payload), expected);
    }

    #[test]
    fn what_may_not_be_in_an_initial_is_told() {
        // a stream frame, whose content anybody could read
        assert_eq!(read(&[1, 8, 0, b'h', b'i']), [Err(NoFrame)]);
        // a CRYPTO frame longer than the packet, and an acknowledgement of ranges that are not there
        assert_eq!(read(&[6, 0, 9, 1]), [Err(NoFrame)]);
        assert_eq!(read(&[2, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0]), [Err(NoFrame)]);
    }
}
