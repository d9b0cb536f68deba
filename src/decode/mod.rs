//! From the bytes of one frame to a [`Packet`], or to the reason why there is none ([`Skip`]).
//!
//! A packet does not know its conversation: nothing here remembers anything. Link headers and tags are walked in `link`, IP and
//! what it carries in `net`, and where that is a `tunnel` the walk begins again inside it; the packet is the innermost and keeps
//! what it was wrapped in ([`Outer`]). Everything that is not a unicast conversation (ARP, neighbour discovery, link-scope multicast, DHCP) is
//! named as noise, and nothing is ever left out without a [`Skip`] that the ledger counts. What nearly every frame looks like is
//! read in one go by `fast`.
//!
//! The walk is our own: etherparse is silent on MPLS, PPPoE and deep tag stacks, gives no ports for a cut TCP header or a first
//! fragment, and does not know cooked captures of either version. The tests hold the walk against it where it does read.

mod checksum;
mod fast;
mod fragment;
mod link;
mod margin;
mod net;
mod noise;
mod outer;
pub mod sctp;
mod tunnel;

use std::net::IpAddr;

pub use fast::{Glance, Segment};
pub use fragment::{Fate, Fragments, Lost};
use link::Next;
pub use link::{LINKS, LinkFormat, reads};
pub use outer::Outer;
pub use tunnel::{TUNNELS, TunnelFormat};

use crate::fact::{Endpoint, LinkType, Transport, holds_run};
use crate::limits;

/// A packet of the innermost conversation of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Who sent it.
    pub source: Endpoint,
    /// To whom.
    pub destination: Endpoint,
    /// The protocol above IP.
    pub transport: Transport,
    /// What the transport's header says beyond ports.
    pub header: Header<'a>,
    /// The header of a TCP segment as captured, for its checksum; empty elsewhere.
    pub head: &'a [u8],
    /// What was captured of the payload.
    pub payload: &'a [u8],
    /// Bytes of payload that were on the wire and were not captured.
    pub missing: u32,
    /// What tells a copy of it from one that was sent again: the identification of IPv4, and the transport's checksum.
    pub stamp: u32,
    /// Its options, or what is around it in its frame, say something that nobody reads.
    pub has_margin: bool,
    /// Source and destination MAC, where the link has them: those next to the packet, inside all tunnels.
    pub macs: Option<Macs>,
    /// The tunnels that it lies in: boxed, since most lie in none, and a packet is moved about.
    pub outer: Option<Box<Outer<'a>>>,
}

impl<'a> Packet<'a> {
    /// What it moves, where it is a TCP segment that acknowledges and neither opens nor ends anything.
    #[inline]
    #[must_use]
    pub fn middle(&self) -> Option<Segment> {
        let Header::Tcp(Tcp { seq, ack, flags }) = self.header else { return None };
        let is_middle = flags & (Tcp::SYN | Tcp::FIN | Tcp::RST | Tcp::ACK) == Tcp::ACK;
        is_middle.then(|| Segment { seq, ack, length: self.payload.len() as u32 + self.missing })
    }

    /// Whether there is text in what it carries, as there is in nothing that is sealed.
    #[must_use]
    pub fn holds_text(&self) -> bool {
        margin::holds_text(self.payload)
    }

    /// Whether it is an error of ICMP that quotes text: more of it than there is in a name, and no answer of DNS, where text may stand.
    #[must_use]
    pub fn quotes_text(&self) -> bool {
        let Header::Error(error) = self.header else { return false };
        // behind the length and checksum of UDP: an identifier, flags with the bit of answers, and no more than one question
        let is_answer = matches!(error.quoted, [_, _, _, _, _, _, 0x80..=0xff, _, 0, 0 | 1, ..]) && self.transport == Transport::Udp;
        !is_answer && holds_run(error.quoted, limits::QUOTED_RUN)
    }

    /// An error of ICMP as a message from who sent it to whom, whatever it quotes; `None` of anything else.
    #[must_use]
    pub fn message(&self) -> Option<Self> {
        let Header::Error(error) = self.header else { return None };
        Some(Self {
            source: Endpoint { ip: error.reporter, port: 0 },
            destination: Endpoint { ip: self.source.ip, port: 0 },
            transport: if error.reporter.is_ipv4() { Transport::Icmp } else { Transport::Icmp6 },
            header: Header::Icmp(error.kind),
            payload: error.quoted,
            ..self.clone()
        })
    }
}

/// The hardware addresses of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Macs {
    /// Who sent the frame.
    pub source: Option<[u8; 6]>,
    /// To whom; cooked captures do not say.
    pub destination: Option<[u8; 6]>,
}

/// What the transport's header says beyond ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header<'a> {
    /// TCP.
    Tcp(Tcp),
    /// UDP, and any transport of which no more is read.
    Datagram,
    /// An ICMP or ICMPv6 echo request (`true`) or reply; both ports are its identifier. Or SCTP's INIT or its acknowledgement, which show
    /// as well who opened.
    Echo {
        /// Whether it is the request.
        request: bool,
    },
    /// An ICMP error; source and destination are those of the packet it quotes, and so are ports and transport.
    Error(IcmpError<'a>),
    /// Any other ICMP message, by its type.
    Icmp(u8),
}

/// A TCP header, as far as flows need it (RFC 9293 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// Sequence number of the first byte of payload, or of the SYN.
    pub seq: u32,
    /// Acknowledgement number.
    pub ack: u32,
    /// FIN, SYN, RST, PSH, ACK, URG, ... from the lowest bit.
    pub flags: u8,
}

impl Tcp {
    /// Bit of [`Tcp::flags`].
    pub const FIN: u8 = 0x01;
    /// Bit of [`Tcp::flags`].
    pub const SYN: u8 = 0x02;
    /// Bit of [`Tcp::flags`].
    pub const RST: u8 = 0x04;
    /// Bit of [`Tcp::flags`].
    pub const ACK: u8 = 0x10;

    /// Whether a bit is set.
    #[must_use]
    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// An ICMP error and what it quotes (RFC 792, RFC 4443).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpError<'a> {
    /// Who sent the error.
    pub reporter: IpAddr,
    /// Its type.
    pub kind: u8,
    /// Whether the quoted packet was turned away for good (unreachable), rather than delayed, redirected or cut.
    pub unreachable: bool,
    /// What is quoted after the quoted ports.
    pub quoted: &'a [u8],
}

/// Why a frame gives no packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip<'a> {
    /// The reason.
    pub reason: Reason,
    /// Source and destination of the innermost packet, where they could still be read.
    pub addresses: Option<(IpAddr, IpAddr)>,
    /// The tunnels in which the walk stopped.
    pub outer: Option<Box<Outer<'a>>>,
}

impl From<Reason> for Skip<'_> {
    fn from(reason: Reason) -> Self {
        Self { reason, addresses: None, outer: None }
    }
}

/// A bucket of the ledger for frames that give no packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// A link type that is not read.
    UndecodedLink,
    /// An EtherType (or its like) that is not read.
    UndecodedEthertype,
    /// A service of IEEE 802.2, or its like, that is not read.
    UndecodedService,
    /// Nothing shows whether an agent that is named by its hardware address has to do with it.
    UndecodedOwner,
    /// A tunnel or tag that is not opened.
    UndecodedTunnel,
    /// A header that contradicts itself, or holds text where there is no flow to tell it of.
    UndecodedHeader,
    /// A header cut by the snap length.
    UndecodedTruncated,
    /// A piece of a fragmented packet.
    UndecodedFragment,
    /// Encrypted below IP.
    UndecodedEncrypted,
    /// ARP and RARP.
    NoiseArp,
    /// Neighbour and router discovery (RFC 4861).
    NoiseNdp,
    /// IGMP and MLD.
    NoiseMembership,
    /// Link-scope multicast and broadcast.
    NoiseMulticast,
    /// DHCP and DHCPv6.
    NoiseDhcp,
    /// LLDP, spanning tree, EAPOL, flow control and the like: never leaves the link.
    NoiseLink,
}

impl Reason {
    /// Every reason, in the order of the ledger.
    pub const ALL: [Self; 15] = [
        Self::UndecodedLink,
        Self::UndecodedEthertype,
        Self::UndecodedService,
        Self::UndecodedOwner,
        Self::UndecodedTunnel,
        Self::UndecodedHeader,
        Self::UndecodedTruncated,
        Self::UndecodedFragment,
        Self::UndecodedEncrypted,
        Self::NoiseArp,
        Self::NoiseNdp,
        Self::NoiseMembership,
        Self::NoiseMulticast,
        Self::NoiseDhcp,
        Self::NoiseLink,
    ];

    /// The bucket's key in the ledger.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::UndecodedLink => "undecoded_link",
            Self::UndecodedEthertype => "undecoded_ethertype",
            Self::UndecodedService => "undecoded_service",
            Self::UndecodedOwner => "undecoded_owner",
            Self::UndecodedTunnel => "undecoded_tunnel",
            Self::UndecodedHeader => "undecoded_header",
            Self::UndecodedTruncated => "undecoded_truncated",
            Self::UndecodedFragment => "undecoded_fragment",
            Self::UndecodedEncrypted => "undecoded_encrypted",
            Self::NoiseArp => "noise_arp",
            Self::NoiseNdp => "noise_ndp",
            Self::NoiseMembership => "noise_membership",
            Self::NoiseMulticast => "noise_multicast",
            Self::NoiseDhcp => "noise_dhcp",
            Self::NoiseLink => "noise_link",
        }
    }

    /// How to say it after "12 frames".
    #[must_use]
    pub fn what(self) -> &'static str {
        match self {
            Self::UndecodedLink => "are of a link type that is not read",
            Self::UndecodedEthertype => "are of an EtherType that is not read",
            Self::UndecodedService => "are of a service below IP that is not read (802.2, SNAP, cooked)",
            Self::UndecodedOwner => {
                "came to somebody whose hardware address the capture does not hold, and an agent is named by its own (name its IP addresses)"
            }
            Self::UndecodedTunnel => "lie in a tunnel or behind tags that are not opened",
            Self::UndecodedHeader => "have headers that contradict themselves, or hold what no header does",
            Self::UndecodedTruncated => "have headers that the snap length cut",
            Self::UndecodedFragment => "are fragments of packets",
            Self::UndecodedEncrypted => "are encrypted below IP (wireless, MACsec, PPP)",
            Self::NoiseArp => "are ARP",
            Self::NoiseNdp => "are neighbour discovery",
            Self::NoiseMembership => "are IGMP or MLD",
            Self::NoiseMulticast => "are link-scope multicast or broadcast",
            Self::NoiseDhcp => "are DHCP",
            Self::NoiseLink => "are link control",
        }
    }

    /// Whether the frame is noise: counted, and neither a violation nor hidden.
    #[must_use]
    pub fn is_noise(self) -> bool {
        self >= Self::NoiseArp
    }
}

/// Reads a frame of `link` of which `bytes` were captured and `wire` were sent.
///
/// # Errors
/// The reason why there is no packet, with the addresses where they were still read.
#[inline(always)]
pub fn packet(link: LinkType, bytes: &[u8], wire: u32) -> Result<Packet<'_>, Skip<'_>> {
    let cut = (wire as usize).saturating_sub(bytes.len());
    if link == LinkType::ETHERNET
        && cut == 0
        && let Some(packet) = fast::read(bytes)
    {
        return Ok(packet);
    }
    walk(link, bytes, cut)
}

/// Glances at a frame of `link` of which `bytes` were captured and `wire` were sent: what [`packet`] would say of its flow, where it is of the
/// most common form.
#[inline]
#[must_use]
pub fn glance(link: LinkType, bytes: &[u8], wire: u32) -> Option<Glance> {
    if link == LinkType::ETHERNET && wire as usize <= bytes.len() { fast::glance(bytes) } else { None }
}

/// Reads any frame, header by header.
fn walk(link: LinkType, frame: &[u8], cut: usize) -> Result<Packet<'_>, Skip<'_>> {
    let mut walk = Walk::new(link, frame, cut);
    loop {
        let ip = walk.ip()?;
        if ip.place.is_some() {
            return Err(walk.skip(ip.skip(Reason::UndecodedFragment)));
        }
        match tunnel::open(&ip) {
            None => return walk.packet(&ip),
            Some(opened) => walk.enter(ip, &opened)?,
        }
    }
}

/// Where a walk stands.
struct Walk<'a> {
    frame: &'a [u8],
    /// Bytes behind what stands next that were not captured.
    cut: usize,
    next: Next<'a>,
    /// Headers that may still be walked.
    steps: u8,
    macs: Option<Macs>,
    outer: Option<Outer<'a>>,
    /// What follows the last header that was looked at.
    rest: &'a [u8],
    /// See [`Packet::has_margin`].
    has_margin: bool,
}

impl<'a> Walk<'a> {
    fn new(link: LinkType, frame: &'a [u8], cut: usize) -> Self {
        // the headers that captures add to other links hold names, and nobody sends them
        let rest = if link == LinkType::ETHERNET { frame } else { &[] };
        let next = Next::Link(link, frame);
        Self { frame, cut, next, steps: limits::LAYERS as u8, macs: None, outer: None, rest, has_margin: false }
    }

    /// Goes on to a fragment of an IP packet, if there is one.
    fn to_fragment(link: LinkType, frame: &'a [u8], cut: usize) -> Option<(Self, net::Ip<'a>, net::Place)> {
        let mut walk = Self::new(link, frame, cut);
        loop {
            let ip = walk.ip().ok()?;
            if let Some(place) = ip.place {
                return Some((walk, ip, place));
            }
            let opened = tunnel::open(&ip)?;
            walk.enter(ip, &opened).ok()?;
        }
    }

    /// Where the IP header that was reached stands in the frame.
    fn at(&self) -> Option<usize> {
        let Next::Network(_, header) = self.next else { return None };
        (header.as_ptr() as usize).checked_sub(self.frame.as_ptr() as usize)
    }

    /// Goes on to the next IP packet, or a fragment of one.
    #[inline]
    fn ip(&mut self) -> Result<net::Ip<'a>, Skip<'a>> {
        let (network, bytes) = match link::follow(self.next, &mut self.macs, &mut self.steps) {
            Ok(found) => found,
            // what goes to all or to a group stays on its link
            Err(Reason::UndecodedService) if self.goes_to_group() => return Err(self.skip(Reason::NoiseLink.into())),
            Err(reason) => return Err(self.skip(reason.into())),
        };
        let ip = net::ip(network, bytes, self.cut).map_err(|skip| self.skip(skip))?;
        self.pass_over(bytes, &ip);
        // kept, for a tunnel's place is told by its IP header
        self.next = Next::Network(network, bytes);
        Ok(ip)
    }

    /// Looks at what is passed over around `ip`, the header of which begins `bytes`, and in it.
    #[inline]
    fn pass_over(&mut self, bytes: &'a [u8], ip: &net::Ip<'a>) {
        let options = margin::before(bytes, ip.bytes).get(net::fixed_header(ip)..).unwrap_or_default();
        let ahead = margin::is_written(margin::before(self.rest, bytes));
        let behind = bytes.get(margin::before(bytes, ip.bytes).len() + ip.bytes.len()..).unwrap_or_default();
        self.has_margin |= ahead || margin::is_written(options) || margin::is_written(behind);
        if let Some(outer) = &mut self.outer {
            outer.has_margin |= ahead || outer::is_more_behind(behind);
        }
    }

    #[cold]
    fn goes_to_group(&self) -> bool {
        self.macs.and_then(|macs| macs.destination).is_some_and(|destination| destination[0] & 1 != 0)
    }

    /// Goes into a tunnel, the outer packet of which is `ip`.
    #[cold]
    fn enter(&mut self, ip: net::Ip<'a>, opened: &tunnel::Opened<'a>) -> Result<(), Skip<'a>> {
        let Some(at) = self.at() else { return Err(self.skip(Reason::UndecodedTunnel.into())) };
        match Outer::with(self.outer, self.frame, at, opened, self.macs) {
            Some(mut outer) => {
                outer.has_margin |= self.has_margin || margin::is_written(margin::before(ip.bytes, opened.next.bytes()));
                self.outer = Some(outer);
            }
            None => return Err(self.skip(ip.skip(Reason::UndecodedTunnel))),
        }
        self.has_margin = false;
        self.rest = opened.next.bytes();
        self.next = opened.next;
        self.cut = opened.missing;
        self.macs = None;
        Ok(())
    }

    #[inline]
    fn packet(&self, ip: &net::Ip<'a>) -> Result<Packet<'a>, Skip<'a>> {
        let mut packet = net::above(ip, self.macs).map_err(|skip| self.skip(skip))?;
        packet.outer = self.outer.map(Box::new);
        packet.has_margin |= self.has_margin;
        match noise::of(&packet) {
            Some(reason) => Err(self.skip(ip.skip(reason))),
            None => Ok(packet),
        }
    }

    /// A reason to stop here.
    #[cold]
    fn skip(&self, skip: Skip<'a>) -> Skip<'a> {
        // what ends early in a frame that was captured whole was never there
        let is_whole = self.cut == 0 && skip.reason == Reason::UndecodedTruncated;
        Skip { reason: if is_whole { Reason::UndecodedHeader } else { skip.reason }, outer: self.outer.map(Box::new), ..skip }
    }
}

/// Two bytes in network order at `at`, where they were captured.
#[inline]
fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes)
}

/// Four bytes in network order at `at`, where they were captured.
#[inline]
fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)
}

#[cfg(test)]
mod tests;
