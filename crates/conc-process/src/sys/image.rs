//! Where the main executable lies in memory, and what belongs to it.

use std::ffi::{c_char, c_int, c_void};
use std::ops::Range;
use std::sync::OnceLock;

/// An entry of `.init_array`, as glibc calls it.
#[cfg_attr(not(feature = "auto-init"), allow(dead_code, reason = "only the hook asks"))]
pub(crate) type Constructor = extern "C" fn(c_int, *const *const c_char, *const *const c_char);

/// The main executable in this process's memory.
#[derive(Debug, Default)]
pub(crate) struct Image {
    /// What the loader added to all addresses; 0 for a program that is not position-independent.
    base: usize,
    /// The executable segments.
    text: Vec<Range<usize>>,
    /// The program's own constructors.
    constructors: Range<usize>,
    /// A number that two runs of one program share and others do not.
    fingerprint: u64,
}

impl Image {
    /// The image of this process.
    pub(crate) fn own() -> &'static Self {
        static OWN: OnceLock<Image> = OnceLock::new();
        OWN.get_or_init(Self::find)
    }

    fn find() -> Self {
        let mut image = Self::default();
        let target: *mut Self = &raw mut image;
        // SAFETY:
        // - `visit` has the right type and is called during this call only.
        // - `target` points to `image`, which nobody else uses meanwhile.
        unsafe { libc::dl_iterate_phdr(Some(visit), target.cast()) };
        image
    }

    /// Whether `address` lies in the main executable's code.
    pub(crate) fn has_code(&self, address: usize) -> bool {
        self.text.iter().any(|segment| segment.contains(&address))
    }

    /// The distance of `address` from the base, if it is code of the main executable.
    pub(crate) fn offset_of(&self, address: usize) -> Option<u64> {
        self.has_code(address).then(|| address.wrapping_sub(self.base) as u64)
    }

    /// The address at this distance, if it is code of the main executable.
    pub(crate) fn address_at(&self, offset: u64) -> Option<usize> {
        let address = self.base.wrapping_add(usize::try_from(offset).ok()?);
        self.has_code(address).then_some(address)
    }

    /// A number that two runs of one program share and others do not.
    pub(crate) fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// The constructors that the loader would call after `ours`.
    #[cfg_attr(not(feature = "auto-init"), allow(dead_code, reason = "only the hook asks"))]
    pub(crate) fn constructors_after(&self, ours: Constructor) -> Vec<Constructor> {
        let all = self.constructors.clone().step_by(size_of::<usize>());
        let entries = all.map(|place| {
            let place = std::ptr::with_exposed_provenance::<usize>(place);
            // SAFETY: the loader's tables say that an array of code addresses lies here, and the
            // image stays mapped.
            unsafe { place.read() }
        });
        entries
            .skip_while(|&entry| entry != ours as usize)
            .skip(1)
            .filter(|&entry| entry != 0 && entry != usize::MAX)
            .map(|entry| {
                let entry = std::ptr::with_exposed_provenance::<c_void>(entry);
                // SAFETY: the loader would call this address with this very signature.
                unsafe { std::mem::transmute::<*const c_void, Constructor>(entry) }
            })
            .collect()
    }
}

/// Takes the first object, which is the main executable, and stops.
unsafe extern "C" fn visit(info: *mut libc::dl_phdr_info, _: usize, image: *mut c_void) -> c_int {
    // SAFETY: the loader passes a valid record.
    let info = unsafe { &*info };
    // SAFETY: the pointer is the one that `find` passed.
    let image = unsafe { &mut *image.cast::<Image>() };
    let Ok(base) = usize::try_from(info.dlpi_addr) else { return 1 };
    image.base = base;
    if info.dlpi_phdr.is_null() {
        return 1;
    }
    // SAFETY: the loader says that so many headers lie there.
    let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
    let mut fingerprint = Fingerprint::default();
    for header in headers {
        let (Ok(start), Ok(size)) =
            (usize::try_from(header.p_vaddr), usize::try_from(header.p_memsz))
        else {
            continue;
        };
        let start = base.wrapping_add(start);
        match header.p_type {
            libc::PT_LOAD => {
                fingerprint.add(header.p_vaddr);
                fingerprint.add(header.p_memsz);
                if header.p_flags & libc::PF_X != 0 {
                    image.text.push(start..start.wrapping_add(size));
                }
            }
            libc::PT_NOTE => {
                let bytes = std::ptr::with_exposed_provenance::<u8>(start);
                // SAFETY: a note segment of the main executable is mapped and readable.
                let note = unsafe { std::slice::from_raw_parts(bytes, size) };
                note.iter().for_each(|&byte| fingerprint.add(byte.into()));
            }
            libc::PT_DYNAMIC => image.constructors = constructors(base, start, size),
            _ => {}
        }
    }
    image.fingerprint = fingerprint.0;
    1
}

/// FNV-1a: small, without keys, the same in every run.
struct Fingerprint(u64);

impl Default for Fingerprint {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fingerprint {
    fn add(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x0100_0000_01b3);
    }
}

/// The program's array of constructors, by its dynamic section.
fn constructors(base: usize, section: usize, size: usize) -> Range<usize> {
    const DT_NULL: usize = 0;
    const DT_INIT_ARRAY: usize = 25;
    const DT_INIT_ARRAYSZ: usize = 27;
    let entries = std::ptr::with_exposed_provenance::<[usize; 2]>(section);
    let count = size / size_of::<[usize; 2]>();
    // SAFETY: the dynamic section of the main executable is mapped, and made of pairs of words.
    let entries = unsafe { std::slice::from_raw_parts(entries, count) };
    let value = |wanted| {
        let known = entries.iter().take_while(|[tag, _]| *tag != DT_NULL);
        known.clone().find(|[tag, _]| *tag == wanted).map_or(0, |[_, value]| *value)
    };
    let (array, bytes) = (value(DT_INIT_ARRAY), value(DT_INIT_ARRAYSZ));
    if array == 0 {
        return 0..0;
    }
    let start = base.wrapping_add(array);
    start..start.wrapping_add(bytes)
}
