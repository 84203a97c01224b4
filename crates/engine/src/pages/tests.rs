use model::PAGE_TOKENS;
use proptest::prelude::*;

use super::{Beginning, Contents, Maker, Pages};

/// A conversation that holds pages: with all that it believes to be in them, from its start to each page's end.
struct Holder {
    pages: Vec<u32>,
    contents: Vec<Vec<Contents>>,
    n_promised: usize,
}

proptest! {
    /// Conversations come, share beginnings, and go in any order. A page never holds anything else than what all
    /// of its holders believe, promises are always kept, and in the end everything is free again.
    #[test]
    fn pages_hold_what_their_holders_believe(steps in proptest::collection::vec((0u8..3, 0u32..3, 1usize..6, 0u64..3), 1..120)) {
        const N_PAGES: usize = 12;
        let mut pages = Pages::new(N_PAGES);
        // What each page really holds: all tokens from the start of the conversation up to the page's end.
        let mut real: Vec<Vec<Contents>> = vec![Vec::new(); N_PAGES];
        let mut holders: Vec<Holder> = Vec::new();
        for (kind, token, n_pages, adapter) in steps {
            if kind == 0 && !holders.is_empty() {
                let holder = holders.remove(token as usize % holders.len());
                pages.release(&holder.pages);
                pages.forgo(holder.n_promised);
                continue;
            }
            if !pages.promise(n_pages) {
                continue;
            }
            let mut holder = Holder { pages: Vec::new(), contents: Vec::new(), n_promised: n_pages };
            let mut beginning = Beginning::EMPTY;
            let mut held: Vec<Contents> = Vec::new();
            for idx in 0..n_pages as u32 - u32::from(kind == 2) {
                // The second adapter is an activated one: the first page is the base's.
                let maker = match adapter {
                    1 => Maker::Adapter { serial: 1, first: 0 },
                    2 if idx > 0 => Maker::Adapter { serial: 2, first: idx as u8 % 2 },
                    _ => Maker::Base,
                };
                let contents = Contents { tokens: [token + 3 * (idx % 2); PAGE_TOKENS], maker };
                held.push(contents);
                let page = match pages.adopt(beginning, &contents) {
                    Some((page, next)) => {
                        prop_assert_eq!(&real[page as usize], &held, "adopted another beginning");
                        beginning = next;
                        page
                    }
                    None => {
                        let page = pages.take();
                        real[page as usize] = held.clone();
                        beginning = pages.publish(page, beginning, &contents);
                        page
                    }
                };
                holder.n_promised -= 1;
                holder.pages.push(page);
                holder.contents.push(held.clone());
            }
            holders.push(holder);
            for holder in &holders {
                for (page, contents) in holder.pages.iter().zip(&holder.contents) {
                    prop_assert_eq!(&real[*page as usize], contents, "a page in use was overwritten");
                }
            }
        }
        for holder in holders {
            pages.release(&holder.pages);
            pages.forgo(holder.n_promised);
        }
        prop_assert!(pages.promise(N_PAGES) && !pages.promise(1));
    }
}

#[test]
fn the_end_of_an_idle_conversation_goes_first() {
    let mut pages = Pages::new(3);
    assert!(pages.promise(3));
    let [one, two] = [1, 2].map(|token| Contents {
        tokens: [token; PAGE_TOKENS],
        maker: Maker::Base,
    });
    let first = pages.take();
    let beginning = pages.publish(first, Beginning::EMPTY, &one);
    let second = pages.take();
    pages.publish(second, beginning, &two);
    pages.release(&[first, second]);
    pages.forgo(1);
    assert!(pages.promise(2));
    assert!(
        ![first, second].contains(&pages.take()),
        "a free page comes before an idle one"
    );
    assert_eq!(pages.take(), second);
    assert!(pages.promise(1));
    assert_eq!(
        pages.adopt(Beginning::EMPTY, &one).map(|(page, _)| page),
        Some(first)
    );
}

#[test]
fn a_page_is_found_by_all_that_made_it() {
    let mut pages = Pages::new(1);
    assert!(pages.promise(1));
    let by = |maker| Contents {
        tokens: [7; PAGE_TOKENS],
        maker,
    };
    let adapter = |serial, first| Maker::Adapter { serial, first };
    let page = pages.take();
    let after = pages.publish(page, Beginning::EMPTY, &by(adapter(1, 4)));
    pages.release(&[page]);
    assert!(pages.promise(1));
    for other in [Maker::Base, adapter(2, 4), adapter(1, 0), adapter(1, 5)] {
        assert_eq!(pages.adopt(Beginning::EMPTY, &by(other)), None, "{other:?}");
    }
    assert_eq!(pages.adopt(after, &by(adapter(1, 4))), None);
    let found = pages.adopt(Beginning::EMPTY, &by(adapter(1, 4)));
    assert_eq!(found, Some((page, after)));
}
