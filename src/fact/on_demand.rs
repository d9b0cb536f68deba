//! Boxes that are made when something is first written into them.

use std::ops::{Deref, DerefMut};

/// What takes no memory as long as it is nothing but its default: it is read as that, and made when it is first written.
#[derive(Clone, Debug)]
pub struct OnDemand<T>(Option<Box<T>>);

/// The default of what is made on demand.
pub trait Nothing: Default + 'static {
    /// It, for all who read it.
    fn nothing() -> &'static Self;
}

impl<T> OnDemand<T> {
    /// It, where it was made.
    #[must_use]
    pub fn made(&self) -> Option<&T> {
        self.0.as_deref()
    }
}

impl<T> Default for OnDemand<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Nothing> Deref for OnDemand<T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or_else(|| T::nothing())
    }
}

impl<T: Nothing> DerefMut for OnDemand<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_or_insert_default()
    }
}

impl<T> From<T> for OnDemand<T> {
    fn from(value: T) -> Self {
        Self(Some(Box::new(value)))
    }
}

impl<T: Nothing + PartialEq> PartialEq for OnDemand<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Nothing + Eq> Eq for OnDemand<T> {}
