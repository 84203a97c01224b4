//! Class files of the Java virtual machine: which of them has the method that a program begins with.
//! The format is that of chapter 4 of the Java Virtual Machine Specification.

const MAGIC: u32 = 0xcafe_babe;
const PUBLIC: u16 = 0x0001;
const STATIC: u16 = 0x0008;

/// The name of the class to start, as the virtual machine wants it: the one that is called `Main` if it can be started,
/// else the one that comes first in the source. `None` when none has a `public static void main(String[])`.
pub(crate) fn main_class(files: &[(String, &[u8])], source: &str) -> Option<String> {
    let mut classes: Vec<String> = files
        .iter()
        .filter_map(|(_, bytes)| with_main(bytes))
        .collect();
    classes.sort_by_key(|class| {
        let simple = class.rsplit(['/', '$']).next().unwrap_or(class);
        let place = source.find(simple).unwrap_or(usize::MAX);
        (simple != "Main", place, class.len())
    });
    classes.first().map(|class| class.replace('/', "."))
}

/// The name of a class if it has a main method.
fn with_main(bytes: &[u8]) -> Option<String> {
    let mut reader = Reader(bytes);
    if reader.u32()? != MAGIC {
        return None;
    }
    reader.skip(4)?; // versions
    let constants = reader.constants()?;
    let text = |idx: u16| match constants.get(usize::from(idx)) {
        Some(Constant::Text(text)) => Some(*text),
        _ => None,
    };
    reader.skip(2)?; // the class's own flags
    let name = match constants.get(usize::from(reader.u16()?))? {
        Constant::Class(name) => text(*name)?,
        _ => return None,
    };
    reader.skip(2)?; // superclass
    let n_interfaces = reader.u16()?;
    reader.skip(2 * usize::from(n_interfaces))?;
    reader.members(&mut |_, _, _| {})?; // fields
    let mut has_main = false;
    reader.members(&mut |flags, name, descriptor| {
        has_main |= flags & (PUBLIC | STATIC) == PUBLIC | STATIC
            && text(name) == Some(b"main")
            && text(descriptor) == Some(b"([Ljava/lang/String;)V");
    })?;
    let name = std::str::from_utf8(name).ok()?;
    has_main.then(|| name.to_string())
}

/// What matters of an entry in the table of constants.
enum Constant<'a> {
    Text(&'a [u8]),
    /// The index of its name.
    Class(u16),
    Other,
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn skip(&mut self, n_bytes: usize) -> Option<&'a [u8]> {
        let (skipped, rest) = self.0.split_at_checked(n_bytes)?;
        self.0 = rest;
        Some(skipped)
    }

    fn u16(&mut self) -> Option<u16> {
        self.skip(2)?.try_into().ok().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.skip(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    fn constants(&mut self) -> Option<Vec<Constant<'a>>> {
        let n_constants = usize::from(self.u16()?);
        // The first index is 1.
        let mut constants = vec![Constant::Other];
        while constants.len() < n_constants {
            let tag = self.skip(1)?[0];
            let constant = match tag {
                1 => {
                    let length = self.u16()?;
                    Constant::Text(self.skip(usize::from(length))?)
                }
                7 => Constant::Class(self.u16()?),
                8 | 16 | 19 | 20 => self.skip(2).map(|_| Constant::Other)?,
                15 => self.skip(3).map(|_| Constant::Other)?,
                3 | 4 | 9..=12 | 17 | 18 => self.skip(4).map(|_| Constant::Other)?,
                // Long numbers take two places.
                5 | 6 => {
                    constants.push(Constant::Other);
                    self.skip(8).map(|_| Constant::Other)?
                }
                _ => return None,
            };
            constants.push(constant);
        }
        Some(constants)
    }

    /// Reads a table of fields or methods: flags, name and descriptor of each.
    fn members(&mut self, each: &mut dyn FnMut(u16, u16, u16)) -> Option<()> {
        for _ in 0..self.u16()? {
            each(self.u16()?, self.u16()?, self.u16()?);
            for _ in 0..self.u16()? {
                self.skip(2)?;
                let length = self.u32()?;
                self.skip(usize::try_from(length).ok()?)?;
            }
        }
        Some(())
    }
}
