//! An index: numbers found by the hash of what they stand for.
//!
//! A table that is full is made anew, with every hash in it. So a large index is parted into many
//! small tables, none of which is ever much work. What a number stands for, and its hash, the owner
//! tells; hashes are keyed, so that nobody can choose in which table things meet.
//! Invariant: a number lies in the table of its hash.

use std::hash::Hash;
use std::sync::Arc;

use ahash::RandomState;
use hashbrown::HashTable;

/// How many tables a large index has.
const PARTS: usize = 64;
/// With how many numbers an index is parted.
const MANY: usize = 1_024;
/// With how many it is one table again.
const FEW: usize = 256;

/// The process's seed of hashes, which no client can know. Shared by whatever hashes with it.
#[derive(Clone)]
pub struct Hashing(Arc<RandomState>);

impl Hashing {
    /// Hashes by these seeds.
    #[must_use]
    pub fn with_seeds(seeds: [u64; 4]) -> Self {
        let [one, two, three, four] = seeds;
        Self(Arc::new(RandomState::with_seeds(one, two, three, four)))
    }

    /// The hash of a value.
    #[must_use]
    pub fn hash_one(&self, value: impl Hash) -> u64 {
        self.0.hash_one(value)
    }
}

/// Numbers by hash.
#[derive(Clone)]
pub enum Index {
    /// All in one table.
    Whole(HashTable<u32>),
    /// In many tables, and how many numbers there are in all.
    Parted(Box<[HashTable<u32>; PARTS]>, usize),
}

impl Default for Index {
    fn default() -> Self {
        Self::Whole(HashTable::new())
    }
}

impl Index {
    /// How many numbers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Whole(table) => table.len(),
            Self::Parted(_, count) => *count,
        }
    }

    /// Holds if there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number with this hash that is `same`.
    #[must_use]
    pub fn find(&self, hash: u64, same: impl FnMut(&u32) -> bool) -> Option<u32> {
        let table = match self {
            Self::Whole(table) => table,
            Self::Parted(tables, _) => &tables[part(hash)],
        };
        table.find(hash, same).copied()
    }

    /// The same, to be put in its place.
    pub fn find_mut(&mut self, hash: u64, same: impl FnMut(&u32) -> bool) -> Option<&mut u32> {
        let table = match self {
            Self::Whole(table) => table,
            Self::Parted(tables, _) => &mut tables[part(hash)],
        };
        table.find_mut(hash, same)
    }

    /// Adds a number. `hash_of` tells the hash of any number that is there.
    pub fn insert(&mut self, hash: u64, number: u32, hash_of: impl Fn(&u32) -> u64) {
        if let Self::Whole(table) = self
            && table.len() >= MANY
        {
            *self = parted(table, &hash_of);
        }
        let table = match self {
            Self::Whole(table) => table,
            Self::Parted(tables, count) => {
                *count = count.saturating_add(1);
                &mut tables[part(hash)]
            }
        };
        table.insert_unique(hash, number, hash_of);
    }

    /// Takes away the number with this hash that is `same`, and memory that lies idle then.
    pub fn remove(
        &mut self,
        hash: u64,
        same: impl FnMut(&u32) -> bool,
        hash_of: impl Fn(&u32) -> u64,
    ) -> Option<u32> {
        let table = match self {
            Self::Whole(table) => table,
            Self::Parted(tables, _) => &mut tables[part(hash)],
        };
        let (number, _) = table.find_entry(hash, same).ok()?.remove();
        if table.capacity() > table.len().saturating_mul(4) {
            table.shrink_to(table.len().saturating_mul(2), &hash_of);
        }
        if let Self::Parted(tables, count) = self {
            *count = count.saturating_sub(1);
            if *count <= FEW {
                *self = Self::Whole(whole(tables.iter().flatten(), &hash_of));
            }
        }
        Some(number)
    }

    /// Memory it takes beyond its own size, in bytes.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        match self {
            Self::Whole(table) => table.allocation_size(),
            Self::Parted(tables, _) => {
                let inner = tables.iter().map(HashTable::allocation_size);
                inner.fold(size_of_val(&**tables), usize::saturating_add)
            }
        }
    }
}

fn whole<'a>(
    numbers: impl IntoIterator<Item = &'a u32>,
    hash_of: &impl Fn(&u32) -> u64,
) -> HashTable<u32> {
    let mut table = HashTable::new();
    for &number in numbers {
        table.insert_unique(hash_of(&number), number, hash_of);
    }
    table
}

/// The table of a hash. A table itself looks at the lowest bits and the highest seven.
const fn part(hash: u64) -> usize {
    (hash >> 50) as usize % PARTS
}

fn parted(table: &HashTable<u32>, hash_of: &impl Fn(&u32) -> u64) -> Index {
    let mut tables = Box::new([const { HashTable::new() }; PARTS]);
    for &number in table {
        let hash = hash_of(&number);
        tables[part(hash)].insert_unique(hash, number, hash_of);
    }
    Index::Parted(tables, table.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash_of(number: &u32) -> u64 {
        let mixed = (u64::from(*number) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ (mixed >> 29)
    }

    #[test]
    fn numbers_are_found_while_an_index_is_parted_and_made_whole_again() {
        let mut index = Index::default();
        let find = |index: &Index, number: u32| index.find(hash_of(&number), |at| *at == number);
        for number in 0..50_000 {
            index.insert(hash_of(&number), number, hash_of);
        }
        assert!(matches!(index, Index::Parted(..)));
        assert!((0..50_000).all(|number| find(&index, number) == Some(number)));
        assert_eq!((index.len(), find(&index, 50_000)), (50_000, None));
        for number in 0..49_900 {
            let gone = index.remove(hash_of(&number), |at| *at == number, hash_of);
            assert_eq!(gone, Some(number));
        }
        assert!(matches!(index, Index::Whole(_)));
        assert!((49_900..50_000).all(|number| find(&index, number) == Some(number)));
        assert_eq!((index.len(), find(&index, 7)), (100, None));
        assert_eq!(index.remove(hash_of(&7), |at| *at == 7, hash_of), None);
    }

    #[test]
    fn no_table_of_a_full_index_is_large() {
        let mut index = Index::default();
        (0..110_000).for_each(|number| index.insert(hash_of(&number), number, hash_of));
        let Index::Parted(tables, _) = &index else { panic!("it is parted") };
        let largest = tables.iter().map(HashTable::len).max();
        assert!(largest < Some(2_200), "{largest:?}");
    }

    #[test]
    fn memory_goes_with_the_numbers() {
        let mut index = Index::default();
        (0..50_000).for_each(|number| index.insert(hash_of(&number), number, hash_of));
        let full = index.heap_bytes();
        for number in 0..49_990 {
            index.remove(hash_of(&number), |at| *at == number, hash_of);
        }
        assert!(index.heap_bytes() < full / 50, "{} of {full}", index.heap_bytes());
    }
}
