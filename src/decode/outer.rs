//! The tunnels around a packet, kept as places in its frame: a packet carries them without an allocation, and who asks for one has its
//! addresses read again.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::tunnel::Opened;
use super::{Macs, be16, be32};
use crate::fact::{Endpoint, Layer, Transport, Tunnel};
use crate::limits;

/// The tunnels around a packet, outermost first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outer<'a> {
    frame: &'a [u8],
    places: [Place; limits::TUNNELS],
    depth: u8,
    /// Which of them have an identifier, from the lowest bit.
    identified: u8,
    /// The hardware addresses of the frame itself.
    pub macs: Option<Macs>,
    /// The tunnels, or what is around what they carry, say something that nobody reads.
    pub has_margin: bool,
}

/// Bytes that a frame inside may end with: a check sequence, and what a switch that mirrors adds to it.
const TRAILER: usize = 8;

/// Whether bytes behind a packet inside are more than padding and a check sequence.
pub(super) fn is_more_behind(bytes: &[u8]) -> bool {
    bytes.len() > TRAILER && bytes.iter().any(|byte| *byte != 0)
}

/// Where an outer IP header stands, and what is behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    at: u16,
    tunnel: Tunnel,
    protocol: u8,
    ports: (u16, u16),
    id: u32,
}

impl<'a> Outer<'a> {
    /// `outer` with a further tunnel, whose IP header stands at `at`; `None` where that is one too many.
    pub(super) fn with(outer: Option<Self>, frame: &'a [u8], at: usize, opened: &Opened<'a>, macs: Option<Macs>) -> Option<Self> {
        let at = u16::try_from(at).ok()?;
        let place = Place { at, tunnel: opened.tunnel, protocol: opened.protocol, ports: opened.ports, id: opened.id.unwrap_or(0) };
        let mut outer = outer.unwrap_or(Self { frame, places: [place; limits::TUNNELS], depth: 0, identified: 0, macs, has_margin: false });
        *outer.places.get_mut(usize::from(outer.depth))? = place;
        outer.identified |= u8::from(opened.id.is_some()) << outer.depth;
        outer.depth += 1;
        Some(outer)
    }

    /// The tunnels, outermost first.
    pub fn layers(&self) -> impl Iterator<Item = Layer> + '_ {
        let places = self.places.iter().take(self.depth.into()).enumerate();
        places.filter_map(|(depth, place)| {
            let (source, destination) = addresses(self.frame.get(place.at.into()..)?)?;
            Some(Layer {
                tunnel: place.tunnel,
                source: Endpoint { ip: source, port: place.ports.0 },
                destination: Endpoint { ip: destination, port: place.ports.1 },
                transport: Transport::from_number(place.protocol),
                id: (self.identified >> depth & 1 != 0).then_some(place.id),
            })
        })
    }

    /// The bytes that the outer packet at this depth carries above its IP header.
    #[must_use]
    pub fn carried(&self, depth: usize) -> u64 {
        let header = self.places.get(depth).and_then(|place| self.frame.get(place.at.into()..)).unwrap_or_default();
        let (at, behind) = match header.first() {
            Some(first) if first >> 4 == 4 => (2, usize::from(first & 0x0f) * 4),
            _ => (4, 0),
        };
        let length = be16(header, at).map_or(0, usize::from);
        // zero: left to the card
        (if length == 0 { header.len() } else { length }).saturating_sub(behind) as u64
    }

    /// The identifier of the innermost tunnel that has networks of its own: 24 bits.
    #[must_use]
    pub fn network(&self) -> Option<u32> {
        let places = self.places.get(..self.depth.into())?;
        places.iter().rev().find(|place| place.tunnel.has_networks()).map(|place| place.id)
    }

    /// Where the IP headers of the tunnels stand in the frame, and whether UDP is above them.
    pub(super) fn headers(&self) -> impl Iterator<Item = (usize, bool)> + '_ {
        self.places.iter().take(self.depth.into()).map(|place| (place.at.into(), place.protocol == 17))
    }
}

/// The addresses of an IP header that was read before.
fn addresses(bytes: &[u8]) -> Option<(IpAddr, IpAddr)> {
    if bytes.first()? >> 4 == 4 {
        let address = |at| be32(bytes, at).map(Ipv4Addr::from).map(IpAddr::V4);
        return Some((address(12)?, address(16)?));
    }
    let address = |at: usize| <[u8; 16]>::try_from(bytes.get(at..at + 16)?).ok().map(Ipv6Addr::from).map(IpAddr::V6);
    Some((address(8)?, address(24)?))
}
