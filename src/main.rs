//! `amphi`: see `cli`.

/// Every request and every part allocates a little, on any thread: glibc spends a fifth of the time of a server full of viewers on it, and
/// keeps more memory than they need.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    // Thousands of connections touch a little here and there: pages of 2 MiB, which many systems hand out unasked, kept a third more memory
    // and saved no measurable time. A kernel without them says no, and nothing is lost.
    let _unknown_there = rustix::thread::disable_transparent_huge_pages(true);
    amphi::cli::main()
}
