use crate::proto::{Splice, SpliceHunk};

/// So many equal bytes are taken for the same place in both values.
const NEEDLE_BYTES: usize = 24;
/// How much at the beginning may differ: the head of a MessagePack array, which counts its elements.
const HEAD_BYTES_MAX: usize = 16;

/// The value as a change of one that the server holds: what they begin and end with alike stays there. `None` where that
/// saves less than a quarter.
pub(super) fn splice_of(base_ref: &str, base: &[u8], data: &[u8]) -> Option<Splice> {
    let mut hunks = Hunks { data, at: 0, literal_bytes: 0, made: Vec::new() };
    let prefix = alike(base, data);
    if prefix > 0 {
        hunks.add(0, 0, prefix);
    }
    let mut in_base = prefix;
    if prefix < HEAD_BYTES_MAX
        && let Some((base_at, data_at)) = behind_head(base, data, prefix)
    {
        let length = alike(&base[base_at..], &data[data_at..]);
        hunks.add(data_at, base_at, length);
        in_base = base_at + length;
    }
    let suffix = alike_at_end(&base[in_base..], &data[hunks.at..]);
    if hunks.at < data.len() {
        hunks.add(data.len() - suffix, base.len() - suffix, suffix);
    }
    if hunks.literal_bytes * 4 > data.len() * 3 {
        return None;
    }
    Some(Splice { base_ref: base_ref.to_owned(), hunks: hunks.made, crc32: crc32fast::hash(data) })
}

struct Hunks<'a> {
    data: &'a [u8],
    at: usize,
    literal_bytes: usize,
    made: Vec<SpliceHunk>,
}

impl Hunks<'_> {
    fn add(&mut self, literal_to: usize, from: usize, length: usize) {
        let literal = self.data[self.at..literal_to].to_vec();
        self.literal_bytes += literal.len();
        self.made.push(SpliceHunk { literal, from: from as u64, length: length as u64 });
        self.at = literal_to + length;
    }
}

/// Where both go on alike behind a few bytes that differ.
fn behind_head(base: &[u8], data: &[u8], from: usize) -> Option<(usize, usize)> {
    let mut in_base = from + HEAD_BYTES_MAX;
    let needle = base.get(in_base..in_base + NEEDLE_BYTES)?;
    let searched = &data[from..data.len().min(in_base + NEEDLE_BYTES + HEAD_BYTES_MAX)];
    let mut in_data = from + searched.windows(NEEDLE_BYTES).position(|window| window == needle)?;
    while in_base > from && in_data > from && base[in_base - 1] == data[in_data - 1] {
        in_base -= 1;
        in_data -= 1;
    }
    Some((in_base, in_data))
}

fn alike(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(a, b)| a == b).count()
}

fn alike_at_end(one: &[u8], other: &[u8]) -> usize {
    one.iter().rev().zip(other.iter().rev()).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(base: &[u8], splice: &Splice) -> Vec<u8> {
        let mut made = Vec::new();
        for hunk in &splice.hunks {
            let from = usize::try_from(hunk.from).unwrap();
            made.extend_from_slice(&hunk.literal);
            made.extend_from_slice(&base[from..from + usize::try_from(hunk.length).unwrap()]);
        }
        made
    }

    /// Text without long repetitions, from a generator that every run begins alike.
    fn noise(length: usize, seed: u64) -> Vec<u8> {
        let mut random = fastrand::Rng::with_seed(seed);
        (0..length).map(|_| random.u8(..)).collect()
    }

    #[test]
    fn what_was_appended_or_changed_in_the_middle_is_all_that_is_sent() {
        let base = noise(4000, 1);
        let appended = [&base[..], &noise(50, 2)].concat();
        let head_changed = [&[0xdd, 1, 2][..], &base[1..], &noise(20, 3)].concat();
        let middle_changed = [&base[..1000], &noise(70, 4), &base[1100..]].concat();
        for (data, literal_max) in [(appended, 50), (head_changed, 23), (middle_changed, 70), (base.clone(), 0)] {
            let splice = splice_of("r", &base, &data).unwrap();
            assert_eq!(applied(&base, &splice), data);
            assert!(splice.hunks.iter().map(|hunk| hunk.literal.len()).sum::<usize>() <= literal_max);
        }
    }

    #[test]
    fn random_edits_come_out_as_they_were() {
        let mut random = fastrand::Rng::with_seed(7);
        for round in 0..500 {
            let base = noise(random.usize(0..200), round);
            let cut = random.usize(0..=base.len());
            let to = random.usize(cut..=base.len());
            let data = [&base[..cut], &noise(random.usize(0..40), round + 1000), &base[to..]].concat();
            if let Some(splice) = splice_of("r", &base, &data) {
                assert_eq!(applied(&base, &splice), data, "round {round}");
            }
        }
    }

    #[test]
    fn a_value_with_nothing_in_common_is_sent_whole() {
        assert!(splice_of("r", &noise(1000, 1), &noise(1000, 2)).is_none());
    }
}
