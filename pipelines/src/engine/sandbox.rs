//! What is left to hostile media if a decoder falls to it: its own memory and the pipe to the server.
//!
//! Works the same for root and for an ordinary user, as nothing here needs a privilege: no new privileges, no file at all (landlock), no
//! socket, no program, no other process (seccomp: such calls fail with EPERM). Closed after the plugins are loaded and before the first
//! byte of media, while there is one thread; those that follow inherit it.
//!
//! An encoder in hardware works through a device and a driver that opens both late: [`needs_of`] says what stays open for it, and only
//! where it was chosen: its device, and the system's libraries and their settings, to read.
//!
//! What a kernel lacks is said and left out: an engine with less around it is better than no renditions.

use landlock::{
    ABI, Access, AccessFs, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr, Scope, path_beneath_rules,
};
use pipelines::encoder::Encoder;
use rustix::process::{Resource, Rlimit, Signal};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Under memory pressure an engine is ended before the server; 0 is usual, 1000 is first.
const OOM_SCORE: &str = "500";

/// Steps that must be taken before the plugins are loaded: who ends with whom, and how much memory there is.
pub(crate) fn bind_to_parent(memory_bytes: Option<u64>, niceness: Option<u8>) -> Result<(), String> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|e| format!("PR_SET_PDEATHSIG: {e}"))?;
    // A core of a decoder holds somebody's lecture.
    none_of(Resource::Core)?;
    if let Some(bytes) = memory_bytes {
        limit_memory(bytes)?;
    }
    if let Some(niceness) = niceness {
        rustix::process::nice(i32::from(niceness)).map_err(|e| format!("niceness: {e}"))?;
    }
    if let Err(e) = std::fs::write("/proc/self/oom_score_adj", OOM_SCORE) {
        tracing::warn!("oom_score_adj is left as it is: {e}");
    }
    Ok(())
}

/// For good.
fn none_of(resource: Resource) -> Result<(), String> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    rustix::process::setrlimit(resource, none).map_err(|e| format!("limit of {resource:?}: {e}"))
}

/// Private writable memory: the heap and the stacks, but not the reservations of malloc's arenas.
pub(crate) fn limit_memory(bytes: u64) -> Result<(), String> {
    rustix::process::setrlimit(Resource::Data, Rlimit { current: Some(bytes), maximum: Some(bytes) })
        .map_err(|e| format!("limit of memory: {e}"))
}

/// Lowers the memory limit: what is loaded stays, and `more_bytes` may come.
pub(crate) fn allow_more_memory(more_bytes: u64) -> Result<(), String> {
    let status = std::fs::read_to_string("/proc/self/status").map_err(|e| format!("/proc/self/status: {e}"))?;
    let kilobytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmData:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    let loaded = kilobytes.ok_or("/proc/self/status has no VmData")?.saturating_mul(1024);
    let bytes =
        loaded.saturating_add(more_bytes).min(rustix::process::getrlimit(Resource::Data).maximum.unwrap_or(u64::MAX));
    limit_memory(bytes)
}

/// What stays open. The default is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// Devices and folders of them: read, written and controlled.
    devices: Vec<PathBuf>,
    /// Files and folders that are read.
    read: Vec<PathBuf>,
}

/// Where distributions keep libraries, drivers and what those read when they begin.
const DRIVERS: [&str; 9] = [
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/lib",
    "/lib64",
    "/usr/share",
    "/etc/ld.so.cache",
    "/etc/libva.conf",
    "/etc/drirc",
];

/// What an encoder must reach of the system. What is not there is left out.
pub(crate) fn needs_of(encoder: Encoder) -> Needs {
    let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
    let (devices, more) = match encoder {
        // In software.
        Encoder::X264 | Encoder::OpenH264 => return Needs::default(),
        Encoder::Va | Encoder::Qsv => {
            (paths(&["/dev/dri"]), paths(&["/sys/dev/char", "/sys/devices", "/sys/class/drm"]))
        }
        Encoder::Nvenc => {
            let of_nvidia = |entry: std::fs::DirEntry| {
                entry.file_name().to_string_lossy().starts_with("nvidia").then(|| entry.path())
            };
            let entries = std::fs::read_dir("/dev").into_iter().flatten().flatten();
            let more = ["/proc/driver/nvidia", "/proc/self", "/proc/devices", "/proc/modules", "/sys/devices"];
            (entries.filter_map(of_nvidia).collect(), paths(&more))
        }
    };
    Needs { devices, read: paths(&DRIVERS).into_iter().chain(more).collect() }
}

/// Closes the sandbox, but for what is needed, and says what could not be closed.
pub(crate) fn enter(needs: &Needs) {
    for open in other_threads().into_iter().chain(close(needs)) {
        tracing::warn!("the sandbox lacks: {open}");
    }
}

/// Landlock holds for the thread that asks and for what it starts: one that a library has begun already, and all of its, would stay outside.
fn other_threads() -> Option<String> {
    let count = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    (count > 1).then(|| format!("files: {} threads were there before it", count - 1))
}

fn close(needs: &Needs) -> Vec<String> {
    let mut open = Vec::new();
    // What came before this may have written a file; media never does.
    if let Err(e) = none_of(Resource::Fsize) {
        open.push(e);
    }
    if let Err(e) = rustix::thread::set_no_new_privs(true) {
        open.push(format!("new privileges: {e}"));
    }
    if let Err(e) = no_files(needs) {
        open.push(format!("files: {e}"));
    }
    if let Err(e) = no_calls() {
        open.push(format!("system calls: {e}"));
    }
    open
}

fn no_files(needs: &Needs) -> Result<(), String> {
    let abi = ABI::V6;
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let control = read | AccessFs::WriteFile | AccessFs::IoctlDev;
    let ruleset = Ruleset::default()
        .set_compatibility(landlock::CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))
        .and_then(|r| r.scope(Scope::AbstractUnixSocket | Scope::Signal))
        .and_then(Ruleset::create)
        // What is not there needs no rule.
        .and_then(|r| r.add_rules(path_beneath_rules(&needs.read, read)))
        .and_then(|r| r.add_rules(path_beneath_rules(&needs.devices, control)))
        .map_err(|e| e.to_string())?;
    let status = ruleset.restrict_self().map_err(|e| e.to_string())?;
    if status.ruleset == landlock::RulesetStatus::NotEnforced {
        Err("the kernel has no landlock".into())
    } else {
        Ok(())
    }
}

/// What an engine never does (`socketpair` stays: GStreamer wakes its threads by one, and it leads nowhere). A list of what is denied, not of what is allowed: C libraries change the calls they make.
const DENIED: [i64; 43] = [
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_open_by_handle_at,
    libc::SYS_reboot,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_swapon,
];

fn no_calls() -> Result<(), String> {
    let rules: BTreeMap<_, _> = DENIED.into_iter().map(|call| (call, Vec::new())).collect();
    let eperm = u32::try_from(libc::EPERM).unwrap_or(1);
    let arch = std::env::consts::ARCH.try_into().map_err(|e| format!("{e}"))?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(eperm), arch);
    let program: BpfProgram = filter.and_then(TryInto::try_into).map_err(|e| e.to_string())?;
    seccompiler::apply_filter_all_threads(&program).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    // Closes its own process for good: nextest gives each test its own.
    #[test]
    fn files_sockets_programs_and_other_processes_are_out_of_reach() {
        if std::env::var_os("NEXTEST").is_none() {
            return;
        }
        std::fs::read("/etc/passwd").unwrap();
        assert_eq!(close(&needs_of(Encoder::X264)), Vec::<String>::new());
        let refused = |what: &str, result: std::io::Result<()>| {
            let error = result.expect_err(what);
            assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied, "{what}: {error}");
        };
        refused("reading", std::fs::read("/etc/passwd").map(|_| ()));
        refused("writing", std::fs::write("/tmp/amphi-engine-must-not-write", "x"));
        refused("TCP", std::net::TcpListener::bind("127.0.0.1:0").map(|_| ()));
        refused("UDP", std::net::UdpSocket::bind("127.0.0.1:0").map(|_| ()));
        refused("programs", std::process::Command::new("/bin/true").status().map(|_| ()));
        let parent = rustix::process::getppid().unwrap();
        refused("signals", rustix::process::kill_process(parent, Signal::CONT).map_err(Into::into));
    }
    // The same.
    #[test]
    fn what_an_encoder_needs_is_open_and_nothing_beside_it() {
        if std::env::var_os("NEXTEST").is_none() {
            return;
        }
        let folder = std::env::temp_dir().join(format!("amphi-sandbox-{}", std::process::id()));
        let (device, library) = (folder.join("device"), folder.join("library"));
        for place in [&device, &library] {
            std::fs::create_dir_all(place).unwrap();
            std::fs::write(place.join("file"), "x").unwrap();
        }
        let missing = folder.join("missing");
        let needs = Needs { devices: vec![device.clone(), missing.clone()], read: vec![library.clone(), missing] };
        assert_eq!(close(&needs), Vec::<String>::new());
        std::fs::OpenOptions::new().read(true).write(true).open(device.join("file")).unwrap();
        std::fs::read(library.join("file")).unwrap();
        let refused = |what: &str, result: std::io::Result<()>| {
            let error = result.expect_err(what);
            assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied, "{what}: {error}");
        };
        let write = |path| std::fs::OpenOptions::new().write(true).open(path).map(|_| ());
        refused("writing beside", write(library.join("file")));
        refused("making", std::fs::write(device.join("other"), "x"));
        refused("removing", std::fs::remove_file(device.join("file")));
        refused("reading elsewhere", std::fs::read("/etc/passwd").map(|_| ()));
    }

    #[test]
    fn encoders_in_software_need_nothing_and_others_their_own_devices() {
        assert_eq!([Encoder::X264, Encoder::OpenH264].map(needs_of), [Needs::default(), Needs::default()]);
        for encoder in [Encoder::Va, Encoder::Qsv, Encoder::Nvenc] {
            let needs = needs_of(encoder);
            assert!(needs.devices.iter().all(|path| path.starts_with("/dev")), "{needs:?}");
            let private = |path: &&PathBuf| {
                ["/", "/etc", "/proc", "/var", "/home", "/root"].iter().any(|p| path == &&PathBuf::from(p))
            };
            assert_eq!(needs.read.iter().find(private), None, "{encoder:?}");
        }
    }
}
