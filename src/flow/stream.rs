//! The bytes of one end of a TCP connection, in order (RFC 9293 section 3.4).
//!
//! In-order payload is handed on as the frame's own slice. What comes early waits, bounded; what comes twice is compared with what was
//! kept, and the first copy holds. Bytes that a rider calls opaque are passed over by moving the expected sequence number, so that loss
//! or reordering wholly inside them costs nothing and is no gap.

use super::closed::Said;
use crate::fact::Locus;
use crate::limits;

/// Sequence numbers of one end: what every packet touches, so it is kept small. What is held for the sake of order is in [`Held`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Stream {
    /// The next sequence number that is expected; meaningless before [`mark::STARTED`].
    next: u32,
    /// One past the highest sequence number seen.
    highest: u32,
    /// The highest acknowledgement that the other end sent; meaningless before [`mark::ACKNOWLEDGED`].
    acknowledged: u32,
    /// One past the last byte that is kept for comparison.
    kept_until: u32,
    /// Bits of [`mark`].
    marks: u8,
}

/// Bits of [`Stream::marks`].
mod mark {
    /// `next` is known.
    pub(super) const STARTED: u8 = 1;
    /// The stream is known from its SYN on.
    pub(super) const FROM_SYN: u8 = 1 << 1;
    /// The other end acknowledged something.
    pub(super) const ACKNOWLEDGED: u8 = 1 << 2;
    /// The FIN was seen.
    pub(super) const FIN: u8 = 1 << 3;
    /// Segments wait.
    pub(super) const WAITS: u8 = 1 << 4;
}

/// What is held of one end for the sake of order and comparison.
#[derive(Debug, Default)]
pub struct Held {
    /// The sequence number of the FIN, where it was seen.
    fin: u32,
    waiting: Vec<Segment>,
    waiting_bytes: usize,
    /// The first bytes of the stream, for comparison with what is sent again.
    kept: Vec<u8>,
    kept_from: u32,
    /// The sequence number of the last keep-alive that carried a byte.
    keep_alive: Option<u32>,
}

impl Held {
    /// Bytes of memory held beyond the struct itself.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.waiting_bytes + self.waiting.capacity() * size_of::<Segment>() + self.kept.capacity()
    }
}

/// Payload that came before what precedes it.
#[derive(Debug)]
struct Segment {
    seq: u32,
    bytes: Vec<u8>,
    missing: u32,
    at: Locus,
}

/// What a stream tells its flow, in order.
pub enum Piece<'a> {
    /// The next bytes. The answer is the number of bytes behind them that are opaque.
    Bytes(&'a [u8], Locus),
    /// Bytes that will not come: lost (`false`) or cut by the snap length (`true`).
    Gap(u64, bool, Locus),
    /// Bytes that differ from those already seen at the same place.
    Conflict(Locus),
    /// Everything before the FIN was told.
    Fin(Locus),
}

/// The signed distance from `b` to `a` in sequence space.
fn distance(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b) as i32
}

impl Stream {
    fn has(&self, mark: u8) -> bool {
        self.marks & mark != 0
    }

    /// Says that the first byte of payload has this sequence number: one past the SYN.
    pub fn start(&mut self, held: &mut Held, first: u32) {
        if !self.has(mark::STARTED) {
            self.marks |= mark::FROM_SYN;
        }
        self.begin(held, first);
    }

    /// Says that nothing before this sequence number is expected.
    pub fn begin(&mut self, held: &mut Held, first: u32) {
        if !self.has(mark::STARTED) {
            self.marks |= mark::STARTED;
            self.next = first;
            self.highest = first;
            self.kept_until = first;
            held.kept_from = first;
        }
    }

    /// The sequence number of the first byte of payload, where it is known.
    #[must_use]
    pub fn first(&self, held: &Held) -> Option<u32> {
        self.has(mark::STARTED).then_some(held.kept_from)
    }

    /// Whether a reset with this sequence number can be the end's own: within what the other end can expect (RFC 5961 is stricter, but
    /// a tap does not know the window).
    #[must_use]
    pub fn accepts_reset(&self, held: &Held, seq: u32) -> bool {
        if !self.has(mark::STARTED) {
            return true;
        }
        let least = if self.has(mark::ACKNOWLEDGED) { self.acknowledged } else { held.kept_from };
        distance(seq, least) >= -1 && distance(seq, self.highest) <= limits::RESET_WINDOW
    }

    /// Notes that the other end acknowledged everything before `ack`.
    #[inline]
    pub fn acknowledge(&mut self, ack: u32) {
        if !self.has(mark::ACKNOWLEDGED) || distance(ack, self.acknowledged) > 0 {
            self.marks |= mark::ACKNOWLEDGED;
            self.acknowledged = ack;
        }
    }

    /// Notes payload without putting it in order: nobody reads it any more.
    pub fn pass(&mut self, held: &mut Held, seq: u32, length: u32) {
        self.begin(held, seq);
        self.advance(seq, length);
    }

    /// The same in the middle of a stream. Returns whether it was there.
    #[inline]
    pub fn passes(&mut self, seq: u32, length: u32) -> bool {
        let is_middle = self.marks & (mark::STARTED | mark::FIN) == mark::STARTED;
        if is_middle {
            self.advance(seq, length);
        }
        is_middle
    }

    fn advance(&mut self, seq: u32, length: u32) {
        let end = seq.wrapping_add(length);
        if distance(end, self.highest) > 0 {
            self.highest = end;
        }
        if distance(end, self.next) > 0 {
            self.next = end;
        }
    }

    /// Notes a FIN that follows the byte before `seq`.
    pub fn finish_at(&mut self, held: &mut Held, seq: u32) {
        self.begin(held, seq);
        if !self.has(mark::FIN) {
            self.marks |= mark::FIN;
            held.fin = seq;
        }
    }

    /// Notes a segment of which nothing is to be told: it is empty, or lies wholly in opaque bytes. Returns whether it is so.
    #[inline]
    pub fn skips(&mut self, seq: u32, length: u32) -> bool {
        if self.marks & (mark::STARTED | mark::FIN | mark::WAITS) != mark::STARTED {
            return false;
        }
        let end = seq.wrapping_add(length);
        let skips = distance(end, self.next) <= 0 && (length == 0 || distance(seq, self.kept_until) >= 0);
        if skips && distance(end, self.highest) > 0 {
            self.highest = end;
        }
        skips
    }

    /// Whether these bytes at `seq` are already held, and are the same.
    #[must_use]
    pub fn repeats(&self, held: &Held, seq: u32, bytes: &[u8]) -> bool {
        let offset = distance(seq, held.kept_from);
        let kept = usize::try_from(offset).ok().and_then(|from| held.kept.get(from..from + bytes.len()));
        kept == Some(bytes) || held.waiting.iter().any(|segment| segment.seq == seq && segment.bytes == bytes)
    }

    /// Whether payload at `seq` begins where something was sent before, as far as sequence numbers show.
    #[inline]
    pub fn has_passed(&self, seq: u32) -> bool {
        self.has(mark::STARTED) && distance(seq, self.highest) < 0
    }

    /// What of `payload` at `seq` stands where something was sent before that is not kept to compare it with.
    #[must_use]
    pub fn unkept<'a>(&self, seq: u32, payload: &'a [u8]) -> &'a [u8] {
        if !self.has_passed(seq) {
            return &[];
        }
        let to = payload.len().min(distance(self.highest, seq).unsigned_abs() as usize);
        let from = usize::try_from(distance(self.kept_until, seq)).unwrap_or(0);
        payload.get(from..to).unwrap_or_default()
    }

    /// Whether bytes were sent behind the FIN. One is a keep-alive's, in the place of the FIN itself.
    #[must_use]
    pub fn goes_on_behind_fin(&self, held: &Held) -> bool {
        self.has(mark::FIN) && distance(self.highest, held.fin) > 1
    }

    /// The last bytes that were sent.
    pub(super) fn said(&self, held: &Held) -> Said {
        let end = if self.has(mark::FIN) { held.fin } else { self.highest };
        let all = if self.has(mark::STARTED) { end.wrapping_sub(held.kept_from) } else { 0 };
        Said { end, length: all.min(limits::STRAGGLER_BYTES.into()) as u16 }
    }

    /// Whether everything before `end` was told.
    #[must_use]
    pub fn has_told(&self, end: u32) -> bool {
        self.has(mark::STARTED) && distance(end, self.next) <= 0
    }

    /// Whether bytes at `seq` are held against others of the same place.
    #[must_use]
    pub fn compares(&self, held: &Held, seq: u32) -> bool {
        let from = if self.has(mark::STARTED) { held.kept_from } else { seq };
        distance(seq, from) < limits::COMPARED_BYTES_PER_END as i32
    }

    /// Takes a segment: `payload` at `seq`, and `missing` more bytes that were not captured.
    pub fn push(&mut self, held: &mut Held, seq: u32, payload: &[u8], missing: u32, at: Locus, tell: &mut impl FnMut(Piece<'_>) -> usize) {
        self.begin(held, seq);
        let length = payload.len() as u32 + missing;
        let end = seq.wrapping_add(length);
        if distance(end, self.highest) > 0 {
            self.highest = end;
        }
        if length > 0 {
            if distance(seq, self.next) > 0 {
                self.wait(held, seq, payload, missing, at, tell);
            } else {
                self.take(held, seq, payload, missing, at, tell);
            }
        }
        self.drain(held, at, tell);
    }

    /// Gives up on holes: everything that waits is told, with the gaps before it, and so is what the other end acknowledged and nobody
    /// saw. `at` is the last frame of the flow.
    pub fn flush(&mut self, held: &mut Held, at: Locus, tell: &mut impl FnMut(Piece<'_>) -> usize) {
        while !held.waiting.is_empty() {
            self.skip_hole(held, tell);
            self.drain(held, at, tell);
        }
        if self.has(mark::STARTED) {
            // pure acknowledgements and a FIN show how far the end has come as well as payload does
            let mut shown = self.highest;
            if self.has(mark::ACKNOWLEDGED) && distance(self.acknowledged, shown) > 0 {
                shown = self.acknowledged;
            }
            // the FIN counts as a byte, and is none
            if self.has(mark::FIN) && distance(shown, held.fin) == 1 {
                shown = shown.wrapping_sub(1);
            }
            let unseen = distance(shown, self.next);
            if unseen > 0 {
                self.next = shown;
                tell(Piece::Gap(unseen.unsigned_abs().into(), false, at));
            }
        }
    }

    /// Frees what is kept to compare with what is sent again, and also what waits where nobody reads the stream any more.
    pub fn forget(&mut self, held: &mut Held, settled: bool) {
        held.kept = Vec::new();
        self.kept_until = held.kept_from;
        if settled {
            held.waiting = Vec::new();
            held.waiting_bytes = 0;
            self.marks &= !mark::WAITS;
        }
    }

    /// Takes a segment that begins at or before what is expected.
    fn take(&mut self, held: &mut Held, seq: u32, payload: &[u8], missing: u32, at: Locus, tell: &mut impl FnMut(Piece<'_>) -> usize) {
        let old = distance(self.next, seq).unsigned_abs() as usize;
        if old > 0 {
            self.compare(held, seq, &payload[..old.min(payload.len())], at, tell);
        }
        let length = payload.len() + missing as usize;
        if old >= length {
            return;
        }
        let fresh = payload.get(old..).unwrap_or_default();
        if !fresh.is_empty() {
            self.keep(held, fresh);
            self.next = self.next.wrapping_add(fresh.len() as u32);
            let opaque = tell(Piece::Bytes(fresh, at));
            self.next = self.next.wrapping_add(opaque.min(limits::OPAQUE_BYTES) as u32);
        }
        let end = seq.wrapping_add(length as u32);
        let cut = distance(end, self.next);
        if cut > 0 {
            self.next = end;
            tell(Piece::Gap(cut.unsigned_abs().into(), true, at));
        }
    }

    /// Keeps a segment that begins after what is expected.
    fn wait(&mut self, held: &mut Held, seq: u32, payload: &[u8], missing: u32, at: Locus, tell: &mut impl FnMut(Piece<'_>) -> usize) {
        let place = held.waiting.partition_point(|other| distance(other.seq, seq) <= 0);
        let mut conflict = false;
        for near in held.waiting.iter().take(place.saturating_add(1)).skip(place.saturating_sub(1)) {
            conflict |= differs(near.seq, &near.bytes, seq, payload);
        }
        if conflict {
            tell(Piece::Conflict(at));
        }
        // an exact copy of what waits adds nothing
        let same = |other: &Segment| other.seq == seq && other.bytes.len() >= payload.len();
        if place.checked_sub(1).and_then(|i| held.waiting.get(i)).is_some_and(same) {
            return;
        }
        held.waiting_bytes += payload.len();
        held.waiting.insert(place, Segment { seq, bytes: payload.to_vec(), missing, at });
        self.marks |= mark::WAITS;
        while held.waiting_bytes > limits::REORDER_BYTES_PER_END || held.waiting.len() > limits::REORDER_SEGMENTS_PER_END {
            self.skip_hole(held, tell);
            self.drain(held, at, tell);
        }
    }

    /// Gives up on the hole before the first segment that waits.
    fn skip_hole(&mut self, held: &mut Held, tell: &mut impl FnMut(Piece<'_>) -> usize) {
        let Some(first) = held.waiting.first() else { return };
        let hole = distance(first.seq, self.next);
        if hole > 0 {
            self.next = first.seq;
            tell(Piece::Gap(hole.unsigned_abs().into(), false, first.at));
        }
    }

    /// Tells what no longer waits.
    fn drain(&mut self, held: &mut Held, at: Locus, tell: &mut impl FnMut(Piece<'_>) -> usize) {
        while held.waiting.first().is_some_and(|first| distance(first.seq, self.next) <= 0) {
            let segment = held.waiting.remove(0);
            held.waiting_bytes -= segment.bytes.len();
            if held.waiting.is_empty() {
                self.marks &= !mark::WAITS;
            }
            self.take(held, segment.seq, &segment.bytes, segment.missing, segment.at, tell);
        }
        // a record whose end never came may have moved `next` past the FIN
        if self.has(mark::FIN) && distance(self.next, held.fin) >= 0 {
            tell(Piece::Fin(at));
        }
    }

    /// Keeps the first bytes of the stream while they are of one piece.
    fn keep(&mut self, held: &mut Held, fresh: &[u8]) {
        let whole = held.kept_from.wrapping_add(held.kept.len() as u32) == self.next;
        let room = limits::COMPARED_BYTES_PER_END.saturating_sub(held.kept.len());
        if whole && room > 0 {
            if held.kept.capacity() == 0 {
                // what follows a hello is short, so that one piece of memory is enough for most ends
                held.kept.reserve_exact((2 * fresh.len()).min(room));
            }
            held.kept.extend_from_slice(&fresh[..fresh.len().min(room)]);
            self.kept_until = held.kept_from.wrapping_add(held.kept.len() as u32);
        }
    }

    /// Compares bytes that were sent again with those that were kept.
    fn compare(&self, held: &mut Held, seq: u32, again: &[u8], at: Locus, tell: &mut impl FnMut(Piece<'_>) -> usize) {
        // a keep-alive repeats the last byte as one of garbage (RFC 9293 section 3.8.4), the last one sent even where more is opaque
        let after = seq.wrapping_add(1);
        let ends_here = after == self.next || after == self.highest;
        // a copy of it may come late, behind what was said since
        let keep_alive = again.len() == 1 && (ends_here || held.keep_alive == Some(seq));
        if keep_alive {
            held.keep_alive = Some(seq);
        }
        // nor is there anything that bytes from before the SYN could repeat
        let before = self.has(mark::FROM_SYN) && distance(held.kept_from, seq) > 0;
        if !keep_alive && (before || differs(held.kept_from, &held.kept, seq, again)) {
            tell(Piece::Conflict(at));
        }
    }
}

/// Whether two runs of bytes differ where they overlap.
fn differs(a_seq: u32, a: &[u8], b_seq: u32, b: &[u8]) -> bool {
    let offset = distance(b_seq, a_seq);
    let (a, b) = if offset >= 0 {
        (a.get(offset as usize..).unwrap_or_default(), b)
    } else {
        (a, b.get(offset.unsigned_abs() as usize..).unwrap_or_default())
    };
    let common = a.len().min(b.len());
    a[..common] != b[..common]
}
