//! Live capture through libpcap: any interface that libpcap knows, on any system it runs on.
//!
//! The handle does not block. A blocking one on Linux sleeps until the first frame comes, however short its timeout, and a caller that
//! wants to stop would wait with it; so an idle source sleeps here, and returns an empty block after [`IDLE`].
//!
//! Drop counts are libpcap's: what the kernel had no room for, and what the interface lost where its driver says so.

use std::path::Path;
use std::time::Duration;

use pcap::{Active, Capture, Device, Packet, Precision};

use super::{CaptureStats, Damage, Fill, Source, SourceError};
use crate::fact::{Block, FrameId, FrameIndex, LinkType, Text, Timestamp};
use crate::limits;

/// How long a source without frames waits before it says so.
pub const IDLE: Duration = Duration::from_millis(100);

const NAP: Duration = Duration::from_millis(10);

/// Frames taken at once: the block is looked at between, so it can outgrow its bound by no more than these.
const BATCH: usize = 64;

/// Fills between two looks at the drop counts, which cost system calls. An idle source looks at once.
const FILLS_PER_LOOK: u32 = 16;

/// An interface that is listened to. It ends only where the interface does: the caller stops filling.
pub struct Live {
    capture: Capture<Active>,
    input: u32,
    link: LinkType,
    /// Nanoseconds of a unit of the frames' fraction of a second.
    unit: i64,
    stats: CaptureStats,
    counted: Counted,
    fills: u32,
}

impl Live {
    /// Listens to `interface`, as the input with index `input`: promiscuous, whole frames, nanoseconds where the interface has them.
    /// With a `filter`, in the language of pcap-filter(7), the kernel leaves out what does not match.
    ///
    /// # Errors
    /// If there is no such interface, it is down, the user may not listen to it, or the filter cannot be compiled.
    pub fn open(interface: &str, filter: Option<&str>, input: u32) -> Result<Self, SourceError> {
        let failed = |message: String| SourceError::new(interface, message);
        // the pseudo-interface has no promiscuous mode, and the crate takes libpcap's warning for an error
        let promiscuous = interface != "any";
        let nanoseconds = has_nanoseconds(interface);
        let opened = match activate(interface, promiscuous, nanoseconds) {
            Err(error) if promiscuous && text(&error).contains("promiscuous") => activate(interface, false, nanoseconds),
            opened => opened,
        };
        let mut capture = opened.map_err(|error| failed(cannot_listen(&text(&error))))?;
        if let Some(expression) = filter {
            capture
                .filter(expression, true)
                .map_err(|error| failed(format!("filter `{expression}`: {}; the language is described in pcap-filter(7)", text(&error))))?;
        }
        let link = link_type(capture.get_datalink().0);
        let capture = capture.setnonblock().map_err(|error| failed(cannot_listen(&text(&error))))?;
        let stats = CaptureStats {
            format: "live",
            link_types: vec![link],
            filter: filter.map(|expression| Text::from_wire(expression.as_bytes()).to_string()),
            ..CaptureStats::default()
        };
        let unit = if nanoseconds { 1 } else { 1000 };
        Ok(Self { capture, input, link, unit, stats, counted: Counted::default(), fills: 0 })
    }

    fn count_drops(&mut self) {
        if let Ok(now) = self.capture.stats() {
            self.stats.dropped = self.stats.dropped.saturating_add(self.counted.newly(now.dropped, now.if_dropped));
        }
    }
}

impl Source for Live {
    fn fill(&mut self, block: &mut Block) -> Result<Fill, SourceError> {
        let Self { capture, input, link, unit, stats, .. } = self;
        block.bytes.clear();
        block.frames.clear();
        block.begins_input = stats.packets == 0;
        let mut idle = Duration::ZERO;
        let mut ended = false;
        while block.bytes.len() < limits::BLOCK_BYTES {
            match capture.dispatch(Some(BATCH), |packet| take(&packet, *input, *link, *unit, block, stats)) {
                Ok(0) if !block.frames.is_empty() || idle >= IDLE => break,
                Ok(0) => {
                    std::thread::sleep(NAP);
                    idle += NAP;
                }
                Ok(_) => {}
                Err(error) => {
                    let reason = format!("the interface cannot be listened to any longer: {}", text(&error));
                    stats.damage = Some(Damage { offset: stats.bytes, reason });
                    ended = true;
                    break;
                }
            }
        }
        self.fills = self.fills.wrapping_add(1);
        if ended || block.frames.is_empty() || self.fills.is_multiple_of(FILLS_PER_LOOK) {
            self.count_drops();
        }
        Ok(if ended { Fill::End } else { Fill::More })
    }

    fn stats(&self) -> &CaptureStats {
        &self.stats
    }
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").field("input", &self.input).field("stats", &self.stats).finish_non_exhaustive()
    }
}

/// Copies one frame into the block: libpcap lends it for the moment only.
#[allow(clippy::useless_conversion, reason = "the width of the header's fields differs between systems")]
fn take(packet: &Packet<'_>, input: u32, link: LinkType, unit: i64, block: &mut Block, stats: &mut CaptureStats) {
    let bytes = packet.data.get(..limits::FRAME_BYTES).unwrap_or(packet.data);
    let seconds = i64::from(packet.header.ts.tv_sec);
    let fraction = i64::from(packet.header.ts.tv_usec);
    let at = Timestamp::from_nanos(seconds.saturating_mul(1_000_000_000).saturating_add(fraction.saturating_mul(unit)));
    let captured = bytes.len() as u32;
    stats.packets += 1;
    stats.bytes = stats.bytes.saturating_add(bytes.len() as u64);
    stats.span = Some(stats.span.map_or((at, at), |(earliest, latest)| (earliest.min(at), latest.max(at))));
    block.frames.push(FrameIndex {
        id: FrameId::new(input, stats.packets),
        at,
        offset: block.bytes.len() as u32,
        captured,
        wire: packet.header.len.max(captured),
        interface: 0,
        link,
        lane: 0,
        flags: 0,
    });
    block.bytes.extend_from_slice(bytes);
}

fn activate(interface: &str, promiscuous: bool, nanoseconds: bool) -> Result<Capture<Active>, pcap::Error> {
    Capture::from_device(interface)?
        .promisc(promiscuous)
        .snaplen(limits::FRAME_BYTES as i32)
        .buffer_size(limits::LIVE_BUFFER_BYTES as i32)
        .timeout(IDLE.as_millis() as i32)
        .precision(if nanoseconds { Precision::Nano } else { Precision::Micro })
        .open()
}

/// Whether libpcap gives nanoseconds for an interface. It does for Linux's network interfaces; where it does not (USB, Bluetooth, the
/// other systems) it stays at microseconds, and neither libpcap nor the crate tells which of the two it came to.
fn has_nanoseconds(interface: &str) -> bool {
    cfg!(target_os = "linux") && (interface == "any" || Path::new("/sys/class/net").join(interface).exists())
}

fn cannot_listen(error: &str) -> String {
    let lower = error.to_ascii_lowercase();
    if lower.contains("permission") || lower.contains("not permitted") {
        return format!("{error}: run as root, or give the program the right (setcap cap_net_raw+ep PROGRAM)");
    }
    if lower.contains("no such device") || lower.contains("doesn't exist") {
        let known: Vec<String> = Device::list().unwrap_or_default().into_iter().take(16).map(|device| device.name).collect();
        return format!("{error}: name an interface of this machine ({})", known.join(", "));
    }
    if lower.contains("not up") || lower.contains("is down") {
        return format!("{error}: bring it up first (ip link set dev INTERFACE up)");
    }
    format!("cannot be listened to: {error}")
}

/// libpcap's own words, without the crate's prefix.
pub(super) fn text(error: &pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The counters as they were last seen. They count from the start of the capture, in 32 bits.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    kernel: u32,
    interface: u32,
}

impl Counted {
    /// What has been dropped since the last look.
    fn newly(&mut self, kernel: u32, interface: u32) -> u64 {
        let dropped = u64::from(advance(self.kernel, kernel)) + u64::from(advance(self.interface, interface));
        *self = Self { kernel, interface };
        dropped
    }
}

/// How far a counter went, past its end if need be. One that seems to have run half its range or more was reset: a driver reloaded.
fn advance(before: u32, now: u32) -> u32 {
    match now.wrapping_sub(before) {
        ahead if ahead < 1 << 31 => ahead,
        _ => 0,
    }
}

/// The registry's number of a link type and libpcap's, where they differ; they are the same for all others (pcap-linktype(7)).
const DIFFERENT: [(u16, i32); 5] = [(100, 11), (101, RAW_DLT), (102, 15), (103, 16), (106, 19)];

const RAW_DLT: i32 = if cfg!(target_os = "openbsd") { 14 } else { 12 };

/// libpcap's number of a link type.
pub(super) fn dlt(link: LinkType) -> i32 {
    DIFFERENT.iter().find(|(registry, _)| *registry == link.0).map_or_else(|| i32::from(link.0), |&(_, own)| own)
}

/// The link type of libpcap's number.
fn link_type(dlt: i32) -> LinkType {
    let registry = DIFFERENT.iter().find(|(_, own)| *own == dlt).map(|&(registry, _)| registry);
    LinkType(registry.unwrap_or_else(|| u16::try_from(dlt).unwrap_or(u16::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_such_interface_names_those_there_are() {
        let error = Live::open("no-such-iface", None, 0).unwrap_err();
        assert_eq!(error.input, "no-such-iface");
        let message = error.message.to_ascii_lowercase();
        assert!(message.contains("no such device") || message.contains("permi"), "{message}");
        assert!(message.contains("name an interface") || message.contains("setcap"), "{message}");
    }

    #[test]
    fn permission_names_the_mend() {
        let message = cannot_listen("lo: You don't have permission to capture on that device (socket: Operation not permitted)");
        assert!(message.contains("run as root") && message.contains("setcap cap_net_raw"), "{message}");
    }

    #[test]
    fn drop_counts_wrap_and_reset() {
        let mut counted = Counted::default();
        assert_eq!(counted.newly(5, 1), 6);
        assert_eq!(counted.newly(5, 1), 0);
        counted = Counted { kernel: u32::MAX - 1, interface: 7 };
        assert_eq!(counted.newly(3, 0), 5, "the kernel's wrapped, the interface's was reset");
    }

    #[test]
    fn link_types_have_libpcaps_numbers() {
        assert_eq!((dlt(LinkType::ETHERNET), dlt(LinkType::RAW), dlt(LinkType::LINUX_SLL2)), (1, RAW_DLT, 276));
        for link in [0, 1, 100, 101, 102, 103, 106, 108, 113, 228, 276] {
            assert_eq!(link_type(dlt(LinkType(link))), LinkType(link));
        }
    }
}
