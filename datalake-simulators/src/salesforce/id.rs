//! Ids of records.

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const CHECKS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

/// The id of the n-th record of an object: 18 characters, of which the last three make it safe without case.
pub(super) fn id(prefix: &str, n: u64) -> String {
    let mut digits = [b'0'; 12];
    let mut rest = n;
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(rest % 62) as usize];
        rest /= 62;
    }
    let mut id = format!("{prefix:0<3}");
    id.truncate(3);
    // The instance, as orgs have it.
    digits[0] = b'5';
    digits[1] = b'g';
    id.extend(digits.map(char::from));
    complete(&id)
}

/// The 18 characters of an id of 15.
pub(super) fn complete(id: &str) -> String {
    let checks = id.as_bytes().chunks(5).map(|five| {
        let bits = five.iter().enumerate().filter(|(_, letter)| letter.is_ascii_uppercase());
        let number: usize = bits.map(|(bit, _)| 1 << bit).sum();
        char::from(CHECKS[number & 31])
    });
    id.chars().chain(checks).collect()
}

#[cfg(test)]
mod tests {
    use super::{complete, id};

    #[test]
    fn an_id_of_fifteen_characters_gets_its_three_checks() {
        assert_eq!(complete("005R0000000UyrW"), "005R0000000UyrWIAS");
        assert_eq!(complete("01gD0000002HU6K"), "01gD0000002HU6KIAW");
    }

    #[test]
    fn ids_are_in_the_order_of_their_numbers() {
        let ids: Vec<_> = [0, 9, 10, 61, 62, 3843, 3844, 1 << 40].map(|n| id("001", n)).into();
        assert!(ids.windows(2).all(|two| two[0] < two[1]), "{ids:?}");
        assert!(ids.iter().all(|id| id.len() == 18 && id.starts_with("001")));
    }
}
