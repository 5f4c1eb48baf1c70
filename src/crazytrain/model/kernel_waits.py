"""What the kernel lets a thread wait for, by the functions that it sleeps in: storage, memory, or the kernel's own housekeeping.

A name that ends in ``*`` stands for all that begin so. The innermost function that belongs to one of them tells; locks, completions and
pages that are locked by somebody else tell nothing by themselves. Sources: mm/{vmscan,compaction,huge_memory,khugepaged,memcontrol,memory}.c,
fs/{jbd2,ext4,xfs,btrfs,nfs,fuse,ceph}, block/, drivers/md, kernel/rcu/srcutree.c, virt/kvm/kvm_main.c.
"""

from collections.abc import Iterable
from enum import Enum


class WaitsFor(Enum):
    """What it is, in a word for people."""

    MEMORY = "memory that the kernel has to make free or to put in order"
    STORAGE = "its storage"
    DEVICE = "a driver of the host, for a device that it lends to guests"
    RANDOM = "random numbers that the kernel has not enough of yet"
    END = "the end of its own process, or for a core dump of it"
    GRACE = "other CPUs, none of which may use old data any more (RCU)"


_FUNCTIONS: tuple[tuple[WaitsFor, tuple[str, ...]], ...] = (
    (
        WaitsFor.MEMORY,
        (
            "deferred_split_*", "shrink_*", "do_shrink_*", "do_try_to_free_*", "try_to_free_*", "__alloc_pages_direct_*",
            "__alloc_pages_slowpath*", "compact_*", "try_to_compact_*", "isolate_*", "migrate_pages*", "migrate_misplaced_*", "unmap_and_move*",
            "__unmap_and_move*", "khugepaged*", "collapse_*", "hpage_collapse_*", "split_huge_page*", "mem_cgroup_handle_over_high",
            "mem_cgroup_out_of_memory", "mem_cgroup_oom*", "try_charge*", "mem_cgroup_charge*", "throttle_direct_reclaim", "do_swap_page",
            "swap_readpage*", "swapin_*", "read_swap_cache*", "__swap_writepage", "ksm_*", "too_many_isolated", "kmem_alloc", "out_of_memory",
            "do_numa_page", "change_prot_numa",
        ),
    ),
    (
        WaitsFor.STORAGE,
        (
            "jbd2_*", "__jbd2_*", "ext4_*", "xfs_*", "xlog_*", "btrfs_*", "zil_*", "txg_*", "zio_*", "zfs_*", "zvol_*", "dmu_*", "cv_wait_io*",
            "nfs_*", "nfs4_*", "rpc_*", "__rpc_*", "fuse_*", "__fuse_*", "request_wait_answer", "ceph_*", "rbd_*", "cifs_*", "smb2_*", "drbd_*",
            "nbd_*", "gfs2_*", "gdlm_*", "ocfs2_*", "blk_*", "blkdev_*", "__blkdev_*",
            "submit_bio_wait", "md_*", "raid1_*", "raid5_*", "raid10_*", "dm_*",
            "rq_qos_*", "wbt_*", "get_request*", "do_blockdev_direct_IO", "dio_*", "iomap_*", "wait_on_page_writeback*", "folio_wait_writeback*",
            "balance_dirty_pages*", "filemap_fdatawait*", "wait_on_page_bit*", "folio_wait_bit*", "bit_wait_io*", "scsi_*", "iscsi_*", "nvme_*",
            "exit_aio",
        ),
    ),
    (WaitsFor.DEVICE, ("intel_vgpu_*", "intel_gvt_*", "i915_*", "vfio_*", "mdev_*", "nvidia_*", "amdgpu_*")),
    (WaitsFor.RANDOM, ("wait_for_random_bytes", "_random_read", "random_read", "random_read_iter")),
    (WaitsFor.END, ("exit_mm", "do_exit", "coredump_wait", "do_coredump", "vfs_coredump")),
    (WaitsFor.GRACE, ("synchronize_srcu*", "__synchronize_srcu*", "synchronize_rcu*", "wait_rcu_gp*", "__wait_rcu_gp*", "rcu_barrier*")),
)  # fmt: skip


def waits_for(functions: Iterable[str]) -> WaitsFor | None:
    """What a thread waits for whose kernel functions these are, the innermost first; ``None`` where they do not tell.

    >>> waits_for(["schedule", "io_schedule", "__lock_page", "deferred_split_scan"])
    <WaitsFor.MEMORY: 'memory that the kernel has to make free or to put in order'>
    """
    return next(
        (what for name in functions for what, names in _FUNCTIONS if any(_fits(name, one) for one in names)), None
    )


def _fits(function: str, name: str) -> bool:
    return function.startswith(name[:-1]) if name.endswith("*") else function == name
