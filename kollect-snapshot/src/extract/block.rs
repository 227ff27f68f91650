//! Looks at 64 bytes of JSON text at once: where strings begin and end, and where brackets stand outside of them. It
//! does not know what the brackets hold.
//!
//! The way of simdjson (Langdale and Lemire, "Parsing Gigabytes of JSON per Second"), with vectors that every
//! processor of the target has.

use wide::u8x16;

/// Bytes of a block.
pub(super) const BLOCK: usize = 64;

/// Bit `n` of a mask stands for byte `n` of a block.
type Mask = u64;

const EVEN: Mask = 0x5555_5555_5555_5555;

/// What one block leaves to the next.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Carry {
    /// All ones inside of a string.
    quoted: Mask,
    /// One where the first byte is escaped.
    escaped: Mask,
}

/// Brackets of a block that stand outside of strings, whatever their kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Brackets {
    pub(super) opening: Mask,
    pub(super) closing: Mask,
}

/// Finds the brackets of a block that follows on what `carry` knows.
#[inline]
pub(super) fn brackets(block: &[u8; BLOCK], carry: &mut Carry) -> Brackets {
    let (quarters, _) = block.as_chunks::<16>();
    let (mut quotes, mut opening, mut closing) = (0, 0, 0);
    let mut any_slash = u8x16::splat(0);
    for (index, quarter) in quarters.iter().enumerate() {
        let bytes = u8x16::from(*quarter);
        // `[` and `{`, and `]` and `}`, differ in this bit only.
        let folded = bytes | u8x16::splat(0x20);
        quotes |= mask(bytes, b'"') << (16 * index);
        opening |= mask(folded, b'{') << (16 * index);
        closing |= mask(folded, b'}') << (16 * index);
        any_slash |= bytes.cmp_eq(u8x16::splat(b'\\'));
    }
    if any_slash.move_mask() != 0 || carry.escaped != 0 {
        quotes &= !escaped(slashes(quarters), carry);
    }
    let strings = prefix_xor(quotes) ^ carry.quoted;
    carry.quoted = 0_u64.wrapping_sub(strings >> 63);
    Brackets { opening: opening & !strings, closing: closing & !strings }
}

/// The first quote or backslash in `bytes`.
#[inline]
pub(super) fn string_mark(bytes: &[u8; 16]) -> Option<usize> {
    let bytes = u8x16::from(*bytes);
    let marks = mask(bytes, b'"') | mask(bytes, b'\\');
    (marks != 0).then_some(marks.trailing_zeros() as usize)
}

#[inline]
fn mask(bytes: u8x16, byte: u8) -> Mask {
    Mask::from(bytes.cmp_eq(u8x16::splat(byte)).move_mask().cast_unsigned())
}

/// Apart from the rest, since most blocks have none.
#[cold]
fn slashes(quarters: &[[u8; 16]]) -> Mask {
    let mask = |(index, quarter): (usize, &[u8; 16])| mask(u8x16::from(*quarter), b'\\') << (16 * index);
    quarters.iter().enumerate().map(mask).fold(0, |all, mask| all | mask)
}

/// Bytes that a backslash escapes: those after an odd run of them.
#[inline]
fn escaped(slashes: Mask, carry: &mut Carry) -> Mask {
    // A backslash that is escaped escapes nothing. Adding runs that begin at odd places to themselves leaves a bit
    // behind each run, and its place tells whether the run was odd.
    let slashes = slashes & !carry.escaped;
    let follows = slashes << 1 | carry.escaped;
    let odd_starts = slashes & !EVEN & !follows;
    let (even_runs, overflow) = odd_starts.overflowing_add(slashes);
    carry.escaped = Mask::from(overflow);
    (EVEN ^ (even_runs << 1)) & follows
}

/// Bit `n` is the parity of the bits up to `n`: ones from an opening quote up to the closing one.
#[inline]
const fn prefix_xor(mut mask: Mask) -> Mask {
    mask ^= mask << 1;
    mask ^= mask << 2;
    mask ^= mask << 4;
    mask ^= mask << 8;
    mask ^= mask << 16;
    mask ^ mask << 32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One byte after the other.
    fn slowly(text: &[u8]) -> (Vec<usize>, Vec<usize>) {
        let (mut opening, mut closing) = (Vec::new(), Vec::new());
        let (mut quoted, mut escaped) = (false, false);
        for (at, byte) in text.iter().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = !quoted,
                b'{' | b'[' if !quoted => opening.push(at),
                b'}' | b']' if !quoted => closing.push(at),
                _ => {}
            }
        }
        (opening, closing)
    }

    proptest! {
        #[test]
        fn it_sees_what_is_seen_byte_by_byte(text in "([{}\\[\\]\"\\\\a;=é\u{1b}\u{7b}-\u{7f}]|\\\\{1,9}|\"){0,300}") {
            let mut text = text.into_bytes();
            text.resize(text.len().next_multiple_of(BLOCK), b' ');
            let (mut opening, mut closing) = (Vec::new(), Vec::new());
            let mut carry = Carry::default();
            for (index, block) in text.as_chunks().0.iter().enumerate() {
                let brackets = brackets(block, &mut carry);
                let places = |mask: Mask| (0..BLOCK).filter(move |at| mask >> at & 1 == 1).map(move |at| index * BLOCK + at);
                opening.extend(places(brackets.opening));
                closing.extend(places(brackets.closing));
            }
            // An escaped bracket outside of a string is no JSON: seen or not, it does no harm.
            let (slow_opening, slow_closing) = slowly(&text);
            prop_assert!(slow_opening.iter().all(|at| opening.contains(at)));
            prop_assert!(slow_closing.iter().all(|at| closing.contains(at)));
            let escaped = |at: &usize| text[..*at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1;
            prop_assert!(opening.iter().filter(|at| !escaped(at)).all(|at| slow_opening.contains(at)));
            prop_assert!(closing.iter().filter(|at| !escaped(at)).all(|at| slow_closing.contains(at)));
        }

        #[test]
        fn marks_are_found(text in "[\"\\\\a-z]{16}") {
            let bytes = text.as_bytes().first_chunk().expect("16 bytes");
            prop_assert_eq!(string_mark(bytes), text.find(['"', '\\']));
        }
    }
}
