//! A queue that grows by a page at a time: what is in it is never copied, and what has left it gives its memory back.

use std::collections::VecDeque;

/// Items of a page.
const PAGE: usize = 128;

/// A queue of items that lie in pages.
pub(super) struct Pages<T> {
    /// All but the last are full.
    pages: VecDeque<Vec<T>>,
    /// Items of the first page that have left.
    gone: usize,
    /// Items that are left: asked with each packet, and the pages are far away.
    len: usize,
    /// A page that was emptied, for the next that is needed.
    spare: Option<Vec<T>>,
}

impl<T> Default for Pages<T> {
    fn default() -> Self {
        Self { pages: VecDeque::new(), gone: 0, len: 0, spare: None }
    }
}

impl<T: Copy> Pages<T> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn push_back(&mut self, item: T) {
        self.len += 1;
        match self.pages.back_mut().filter(|last| last.len() < PAGE) {
            Some(last) => last.push(item),
            None => {
                let mut page = self.spare.take().unwrap_or_else(|| Vec::with_capacity(PAGE));
                page.push(item);
                self.pages.push_back(page);
            }
        }
    }

    pub(super) fn pop_front(&mut self) -> Option<T> {
        let item = *self.front()?;
        self.len -= 1;
        self.gone += 1;
        if self.gone == self.pages.front().map_or(0, Vec::len) {
            self.gone = 0;
            self.spare = self.pages.pop_front().map(|mut page| {
                page.clear();
                page
            });
        }
        Some(item)
    }

    pub(super) fn front(&self) -> Option<&T> {
        self.pages.front()?.get(self.gone)
    }

    pub(super) fn get(&self, n: usize) -> Option<&T> {
        let at = n + self.gone;
        self.pages.get(at / PAGE)?.get(at % PAGE)
    }

    pub(super) fn get_mut(&mut self, n: usize) -> Option<&mut T> {
        let at = n + self.gone;
        self.pages.get_mut(at / PAGE)?.get_mut(at % PAGE)
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_queue() {
        let (mut pages, mut queue) = (Pages::default(), VecDeque::new());
        // seven in, three out, and then the other way round
        for step in 0..2000 {
            let (put, taken) = if step < 1000 { (7, 3) } else { (2, 7) };
            for n in 0..put {
                pages.push_back(step * 10 + n);
                queue.push_back(step * 10 + n);
            }
            for _ in 0..taken {
                assert_eq!(pages.pop_front(), queue.pop_front());
            }
            assert_eq!((pages.len(), pages.front()), (queue.len(), queue.front()));
            for at in [0, 1, PAGE - 1, PAGE, queue.len() / 2, queue.len()] {
                assert_eq!(pages.get(at), queue.get(at));
                assert_eq!(pages.get_mut(at), queue.get_mut(at));
            }
        }
        assert_eq!((pages.len(), pages.pages.len()), (0, 0), "nothing is held but the spare");
    }
}
