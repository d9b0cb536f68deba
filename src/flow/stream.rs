//! The bytes of one end of a TCP connection, in order (RFC 9293 section 3.4).
//!
//! In-order payload is handed on as the frame's own slice. What comes early waits, bounded; what comes twice is compared with what was
//! kept, and the first copy holds. Bytes that a rider calls opaque are passed over by moving the expected sequence number, so that loss
//! or reordering wholly inside them costs nothing and is no gap.

use crate::fact::Locus;
use crate::limits;

/// Sequence numbers of one end, and what waits for a hole to close.
#[derive(Debug, Default)]
pub struct Stream {
    /// The next sequence number that is expected; meaningless before `started`.
    next: u32,
    /// Whether `next` is known.
    started: bool,
    /// Whether the stream is known from its SYN on.
    from_syn: bool,
    /// One past the highest sequence number seen.
    highest: u32,
    /// The highest acknowledgement that the other end sent.
    acknowledged: Option<u32>,
    /// The sequence number of the FIN.
    fin: Option<u32>,
    waiting: Vec<Segment>,
    waiting_bytes: usize,
    /// The first bytes of the stream, for comparison with what is sent again.
    kept: Vec<u8>,
    kept_from: u32,
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
    /// Says that the first byte of payload has this sequence number: one past the SYN.
    pub fn start(&mut self, first: u32) {
        self.from_syn |= !self.started;
        self.begin(first);
    }

    /// Says that nothing before this sequence number is expected.
    pub fn begin(&mut self, first: u32) {
        if !self.started {
            self.started = true;
            self.next = first;
            self.highest = first;
            self.kept_from = first;
        }
    }

    /// The sequence number of the first byte of payload, where it is known.
    #[must_use]
    pub fn first(&self) -> Option<u32> {
        self.started.then_some(self.kept_from)
    }

    /// Whether a reset with this sequence number can be the end's own: within what the other end can expect (RFC 5961 is stricter, but
    /// a tap does not know the window).
    #[must_use]
    pub fn accepts_reset(&self, seq: u32) -> bool {
        if !self.started {
            return true;
        }
        let least = self.acknowledged.unwrap_or(self.kept_from);
        distance(seq, least) >= -1 && distance(seq, self.highest) <= limits::RESET_WINDOW
    }

    /// Notes that the other end acknowledged everything before `ack`.
    pub fn acknowledge(&mut self, ack: u32) {
        if self.acknowledged.is_none_or(|known| distance(ack, known) > 0) {
            self.acknowledged = Some(ack);
        }
    }

    /// Bytes of memory held beyond the struct itself.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.waiting_bytes + self.waiting.capacity() * size_of::<Segment>() + self.kept.capacity()
    }

    /// Notes payload without putting it in order: nobody reads it any more.
    pub fn pass(&mut self, seq: u32, length: u32) {
        self.begin(seq);
        let end = seq.wrapping_add(length);
        if distance(end, self.highest) > 0 {
            self.highest = end;
        }
        if distance(end, self.next) > 0 {
            self.next = end;
        }
    }

    /// Notes a FIN that follows the byte before `seq`.
    pub fn finish_at(&mut self, seq: u32) {
        self.begin(seq);
        self.fin.get_or_insert(seq);
    }

    /// Whether the FIN was seen.
    #[must_use]
    pub fn has_fin(&self) -> bool {
        self.fin.is_some()
    }

    /// Notes a segment of which nothing is to be told: it is empty, or lies wholly in opaque bytes. Returns whether it is so.
    #[inline]
    pub fn skips(&mut self, seq: u32, length: u32) -> bool {
        if !self.started || self.fin.is_some() || !self.waiting.is_empty() {
            return false;
        }
        let end = seq.wrapping_add(length);
        let kept_until = self.kept_from.wrapping_add(self.kept.len() as u32);
        let skips = distance(end, self.next) <= 0 && (length == 0 || distance(seq, kept_until) >= 0);
        if skips && distance(end, self.highest) > 0 {
            self.highest = end;
        }
        skips
    }

    /// Takes a segment: `payload` at `seq`, and `missing` more bytes that were not captured.
    pub fn push(&mut self, seq: u32, payload: &[u8], missing: u32, at: Locus, tell: &mut impl FnMut(Piece<'_>) -> usize) {
        self.begin(seq);
        let length = payload.len() as u32 + missing;
        let end = seq.wrapping_add(length);
        if distance(end, self.highest) > 0 {
            self.highest = end;
        }
        if length > 0 {
            if distance(seq, self.next) > 0 {
                self.wait(seq, payload, missing, at, tell);
            } else {
                self.take(seq, payload, missing, at, tell);
            }
        }
        self.drain(at, tell);
    }

    /// Gives up on holes: everything that waits is told, with the gaps before it, and so is what the other end acknowledged and nobody
    /// saw. `at` is the last frame of the flow.
    pub fn flush(&mut self, at: Locus, tell: &mut impl FnMut(Piece<'_>) -> usize) {
        while !self.waiting.is_empty() {
            self.skip_hole(tell);
            self.drain(at, tell);
        }
        if self.started {
            // pure acknowledgements and a FIN show how far the end has come as well as payload does
            let mut shown = self.highest;
            if let Some(acknowledged) = self.acknowledged.filter(|&ack| distance(ack, shown) > 0) {
                shown = acknowledged;
            }
            // the FIN counts as a byte, and is none
            if self.fin.is_some_and(|fin| distance(shown, fin) == 1) {
                shown = shown.wrapping_sub(1);
            }
            let unseen = distance(shown, self.next);
            if unseen > 0 {
                self.next = shown;
                tell(Piece::Gap(unseen.unsigned_abs().into(), false, at));
            }
        }
    }

    /// Frees what is held for the sake of order and comparison: nobody reads the stream any more.
    pub fn release(&mut self) {
        self.waiting = Vec::new();
        self.waiting_bytes = 0;
        self.kept = Vec::new();
    }

    /// Takes a segment that begins at or before what is expected.
    fn take(&mut self, seq: u32, payload: &[u8], missing: u32, at: Locus, tell: &mut impl FnMut(Piece<'_>) -> usize) {
        let old = distance(self.next, seq).unsigned_abs() as usize;
        if old > 0 {
            self.compare(seq, &payload[..old.min(payload.len())], at, tell);
        }
        let length = payload.len() + missing as usize;
        if old >= length {
            return;
        }
        let fresh = payload.get(old..).unwrap_or_default();
        if !fresh.is_empty() {
            self.keep(fresh);
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
    fn wait(&mut self, seq: u32, payload: &[u8], missing: u32, at: Locus, tell: &mut impl FnMut(Piece<'_>) -> usize) {
        let place = self.waiting.partition_point(|held| distance(held.seq, seq) <= 0);
        let mut conflict = false;
        for held in self.waiting.iter().take(place.saturating_add(1)).skip(place.saturating_sub(1)) {
            conflict |= differs(held.seq, &held.bytes, seq, payload);
        }
        if conflict {
            tell(Piece::Conflict(at));
        }
        // an exact copy of what waits adds nothing
        let same = |held: &Segment| held.seq == seq && held.bytes.len() >= payload.len();
        if place.checked_sub(1).and_then(|i| self.waiting.get(i)).is_some_and(same) {
            return;
        }
        self.waiting_bytes += payload.len();
        self.waiting.insert(place, Segment { seq, bytes: payload.to_vec(), missing, at });
        while self.waiting_bytes > limits::REORDER_BYTES_PER_END || self.waiting.len() > limits::REORDER_SEGMENTS_PER_END {
            self.skip_hole(tell);
            self.drain(at, tell);
        }
    }

    /// Gives up on the hole before the first segment that waits.
    fn skip_hole(&mut self, tell: &mut impl FnMut(Piece<'_>) -> usize) {
        let Some(first) = self.waiting.first() else { return };
        let hole = distance(first.seq, self.next);
        if hole > 0 {
            self.next = first.seq;
            tell(Piece::Gap(hole.unsigned_abs().into(), false, first.at));
        }
    }

    /// Tells what no longer waits.
    fn drain(&mut self, at: Locus, tell: &mut impl FnMut(Piece<'_>) -> usize) {
        while self.waiting.first().is_some_and(|first| distance(first.seq, self.next) <= 0) {
            let segment = self.waiting.remove(0);
            self.waiting_bytes -= segment.bytes.len();
            self.take(segment.seq, &segment.bytes, segment.missing, segment.at, tell);
        }
        // a record whose end never came may have moved `next` past the FIN
        if self.fin.is_some_and(|fin| distance(self.next, fin) >= 0) {
            tell(Piece::Fin(at));
        }
    }

    /// Keeps the first bytes of the stream while they are of one piece.
    fn keep(&mut self, fresh: &[u8]) {
        let whole = self.kept_from.wrapping_add(self.kept.len() as u32) == self.next;
        let room = limits::COMPARED_BYTES_PER_END.saturating_sub(self.kept.len());
        if whole && room > 0 {
            self.kept.extend_from_slice(&fresh[..fresh.len().min(room)]);
        }
    }

    /// Compares bytes that were sent again with those that were kept.
    fn compare(&self, seq: u32, again: &[u8], at: Locus, tell: &mut impl FnMut(Piece<'_>) -> usize) {
        // a keep-alive repeats the last byte as one of garbage (RFC 9293 section 3.8.4)
        let keep_alive = again.len() == 1 && seq.wrapping_add(1) == self.next;
        // nor is there anything that bytes from before the SYN could repeat
        let before = self.from_syn && distance(self.kept_from, seq) > 0;
        if !keep_alive && (before || differs(self.kept_from, &self.kept, seq, again)) {
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
