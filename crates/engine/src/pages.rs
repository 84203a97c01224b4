//! Which page of the cache belongs to whom, and which pages hold beginnings that can be shared.

use std::collections::HashMap;

use model::PAGE_TOKENS;

#[cfg(test)]
mod tests;

/// A beginning of a conversation whose keys and values fill whole pages.
///
/// Numbers are never used twice, so that a beginning that was dropped can never be mistaken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Beginning(u64);

impl Beginning {
    /// The beginning of every conversation: no tokens.
    pub(crate) const EMPTY: Beginning = Beginning(0);
}

/// Which weights made the keys and values of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Maker {
    /// The base alone.
    Base,
    /// The base, and an adapter from one of the page's tokens on.
    Adapter {
        /// Its content's number.
        serial: u64,
        /// The first token of the page that it acts on.
        first: u8,
    },
}

/// What one full page holds: its tokens, and which weights they went through.
/// Together with the beginning before it, this determines its keys and values to the last bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Contents {
    pub(crate) tokens: [u32; PAGE_TOKENS],
    pub(crate) maker: Maker,
}

#[derive(Debug, Default)]
struct Page {
    n_users: u32,
    /// What it holds, when others may share it.
    published: Option<(Beginning, Contents)>,
    last_used: u64,
}

/// All pages of the cache.
///
/// Promises keep an admitted request from ever waiting for a page: it promises itself at admission
/// what it can need at most, and takes pages one by one.
#[derive(Debug)]
pub(crate) struct Pages {
    pages: Vec<Page>,
    free: Vec<u32>,
    /// Published pages by the beginning before them and their own contents: exact, without hashes of tokens.
    shared: HashMap<(Beginning, Contents), (u32, Beginning)>,
    /// Published pages that nobody uses now.
    n_idle: usize,
    n_promised: usize,
    n_beginnings: u64,
    clock: u64,
}

impl Pages {
    pub(crate) fn new(n_pages: usize) -> Pages {
        Pages {
            pages: (0..n_pages).map(|_| Page::default()).collect(),
            free: (0..n_pages as u32).rev().collect(),
            shared: HashMap::new(),
            n_idle: 0,
            n_promised: 0,
            n_beginnings: 0,
            clock: 0,
        }
    }

    /// Sets pages aside for a request, if there are enough.
    pub(crate) fn promise(&mut self, n_pages: usize) -> bool {
        let enough = self.free.len() + self.n_idle >= self.n_promised + n_pages;
        if enough {
            self.n_promised += n_pages;
        }
        enough
    }

    /// Gives back what was promised and not taken.
    pub(crate) fn forgo(&mut self, n_pages: usize) {
        self.n_promised -= n_pages;
    }

    /// Takes a promised page, empty or with contents that nobody uses any more.
    pub(crate) fn take(&mut self) -> u32 {
        self.n_promised -= 1;
        let page = match self.free.pop() {
            Some(page) => page,
            None => self.evict(),
        };
        self.pages[page as usize].n_users = 1;
        page
    }

    /// Takes a page that already holds what follows a beginning, instead of a promised one.
    pub(crate) fn adopt(
        &mut self,
        before: Beginning,
        contents: &Contents,
    ) -> Option<(u32, Beginning)> {
        let &(page, beginning) = self.shared.get(&(before, *contents))?;
        let entry = &mut self.pages[page as usize];
        if entry.n_users == 0 {
            self.n_idle -= 1;
        }
        entry.n_users += 1;
        self.n_promised -= 1;
        Some((page, beginning))
    }

    /// Lets others share a page that is full now, and names the beginning that ends with it.
    pub(crate) fn publish(
        &mut self,
        page: u32,
        before: Beginning,
        contents: &Contents,
    ) -> Beginning {
        if let Some(&(_, beginning)) = self.shared.get(&(before, *contents)) {
            // Someone else was faster; this copy stays private.
            return beginning;
        }
        self.n_beginnings += 1;
        let beginning = Beginning(self.n_beginnings);
        self.shared.insert((before, *contents), (page, beginning));
        self.pages[page as usize].published = Some((before, *contents));
        beginning
    }

    /// Lets go of a conversation's pages. Published ones keep their contents until the room is needed.
    pub(crate) fn release(&mut self, pages: &[u32]) {
        // Ends become older than beginnings, so that they are evicted first.
        for &page in pages.iter().rev() {
            self.clock += 1;
            let entry = &mut self.pages[page as usize];
            entry.n_users -= 1;
            entry.last_used = self.clock;
            if entry.n_users == 0 {
                if entry.published.is_some() {
                    self.n_idle += 1;
                } else {
                    self.free.push(page);
                }
            }
        }
    }

    /// Makes the page free that was idle for the longest time.
    fn evict(&mut self) -> u32 {
        let page = (0u32..)
            .zip(&self.pages)
            .filter(|(_, entry)| entry.n_users == 0 && entry.published.is_some())
            .min_by_key(|(_, entry)| entry.last_used)
            .map(|(page, _)| page)
            .expect("a promise is kept by a free or an idle page");
        if let Some(key) = self.pages[page as usize].published.take() {
            self.shared.remove(&key);
        }
        self.n_idle -= 1;
        page
    }
}
