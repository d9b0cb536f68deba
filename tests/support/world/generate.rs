//! A whole world from a seed: a cast, a dozen scenes or more at once, and the ways of networks. Its verdict is known: it passes.

use super::hosts::Cast;
use super::random::Random;
use super::scenes::SCENES;
use super::{Frame, MILLI, SECOND, START, World};

/// A compliant world.
#[derive(Clone, Debug)]
pub struct Generated {
    pub seed: u64,
    pub cast: Cast,
    pub frames: Vec<Frame>,
    pub scenes: Vec<&'static str>,
}

/// The world of a seed.
pub fn generate(seed: u64) -> Generated {
    let mut random = Random::new(seed);
    let cast = Cast::draw(&mut random);
    let mut told = Vec::new();
    let mut frames = Vec::new();
    let mut world = World::default();
    let count = 8 + random.below(10);
    for n in 0..count {
        // TLS, which is most of what agents do, comes first in every world
        let scene = if n == 0 { &SCENES[0] } else { random.pick(SCENES) };
        world.now = START + random.within(0, 90) * SECOND + random.within(0, 999) * MILLI;
        world.step = random.within(20_000, 8 * MILLI);
        // some wrap round within a session
        let first = if random.one_in(4) { u32::MAX - 700 } else { random.next() as u32 };
        world.first = [first, random.next() as u32];
        (scene.play)(&mut world, &cast, &mut random);
        frames.append(&mut world.frames);
        told.push(scene.name);
    }
    in_order(&mut frames);
    Generated { seed, cast, frames, scenes: told }
}

/// Puts frames in the order of their times; those of one time stay as they are.
pub fn in_order(frames: &mut [Frame]) {
    frames.sort_by_key(|frame| frame.at);
}
