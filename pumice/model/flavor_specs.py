"""The extra specs of flavors that Nova knows: what may stand in them, checked from microversion 2.86.

Facts from the registry of Nova 34 (``nova/api/validation/extra_specs``). A name in one of its namespaces that
is not known there is wrong; names in other namespaces, or in none, are the administrators' own. Of the
standard traits only the form is checked: their list grows with each release.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

Check = Callable[[str], str | None]
"""Tells what is wrong with a value; None if nothing is."""

_TRUE_AND_FALSE: Final = frozenset(
    ("1", "t", "true", "on", "y", "yes", "0", "f", "false", "off", "n", "no")
)


def _any(_value: str) -> None:
    """Every text is right."""


def _boolean(value: str) -> str | None:
    if value.strip().lower() in _TRUE_AND_FALSE:
        return None
    return f"'{value}' is not a valid boolean-like value"


def _whole(minimum: int | None = None, maximum: int | None = None) -> Check:
    def check(value: str) -> str | None:
        if not re.fullmatch(r"\s*[+-]?\d{1,20}\s*", value, re.ASCII):
            return f"'{value}' is not a valid integer value"
        number = int(value)
        if maximum is not None and number > maximum:
            return f"'{value}' is greater than the max value of '{maximum}'"
        if minimum is not None and number < minimum:
            return f"'{value}' is less than the min value of '{minimum}'"
        return None

    return check


def _one_of(*words: str) -> Check:
    return lambda value: None if value in words else f"'{value}' is not one of: {', '.join(words)}"


def _form(pattern: str) -> Check:
    compiled = re.compile(pattern, re.ASCII)
    return lambda value: (
        None if compiled.fullmatch(value) else f"'{value}' is not of the format '{pattern}'"
    )


# These two take what Nova's take, but each text in one way only: Nova's need a minute for 80 characters
# that are wrong at the end.
_CPUS: Final = r"\^?\d+(-\d+|,\^?\d+)*"
_ALIASES: Final = r"[^:]+:\d+(\s*,[^:]+:\d+)*"
_LEVEL: Final = _one_of("custom", "high", "normal", "low")
_TRAIT: Final = _one_of("required", "forbidden")
_GROUP: Final = r"([a-zA-Z0-9_-]{1,64})?"

_CAPABILITIES: Final = (
    "id uuid service_id host vcpus memory_mb local_gb vcpus_used memory_mb_used local_gb_used "
    "hypervisor_type hypervisor_version hypervisor_hostname free_ram_mb free_disk_gb current_workload "
    "running_vms disk_available_least host_ip mapped cpu_allocation_ratio ram_allocation_ratio "
    "disk_allocation_ratio total_usable_ram_mb total_usable_disk_gb disk_mb_used free_disk_mb "
    "vcpus_total num_instances num_io_ops failed_builds aggregates cell_uuid updated"
)
_CAPABILITIES_IN_PARTS: Final = (
    "cpu_info metrics stats numa_topology supported_hv_specs pci_device_pools nodename pci_stats "
    "supported_instances limits instances"
).replace(" ", "|")

_NAMED: Final[dict[str, Check]] = {
    "accel:device_profile": _any,
    "group_policy": _one_of("isolate", "none"),
    "hide_hypervisor_id": _boolean,
    "hw:boot_menu": _boolean,
    "hw:cpu_cores": _whole(1),
    "hw:cpu_dedicated_mask": _form(_CPUS),
    "hw:cpu_max_cores": _whole(1),
    "hw:cpu_max_sockets": _whole(1),
    "hw:cpu_max_threads": _whole(1),
    "hw:cpu_policy": _one_of("dedicated", "shared", "mixed"),
    "hw:cpu_realtime": _boolean,
    "hw:cpu_realtime_mask": _form(_CPUS),
    "hw:cpu_sockets": _whole(1),
    "hw:cpu_thread_policy": _one_of("prefer", "isolate", "require"),
    "hw:cpu_threads": _whole(1),
    "hw:emulator_threads_policy": _one_of("isolate", "share"),
    "hw:ephemeral_encryption": _boolean,
    "hw:ephemeral_encryption_format": _one_of("plain", "luks", "luksv2"),
    "hw:hide_hypervisor_id": _boolean,
    "hw:locked_memory": _boolean,
    "hw:mem_encryption": _boolean,
    "hw:mem_encryption_model": _one_of("amd-sev", "amd-sev-es", "amd-sev-snp", "intel-tdx"),
    "hw:mem_page_size": _form(r"(large|small|any|\d+([kKMGT]i?)?(b|bit|B)?)"),
    "hw:numa_nodes": _whole(1),
    "hw:pci_numa_affinity_policy": _one_of("required", "preferred", "legacy", "socket"),
    "hw:pmem": _form(r"[a-zA-Z0-9_]+(,[a-zA-Z0-9_]+)*,?"),
    "hw:pmu": _boolean,
    "hw:redirected_usb_ports": _whole(0, 15),
    "hw:serial_port_count": _whole(0),
    "hw:sound_model": _one_of("sb16", "es1370", "pcspk", "ac97", "ich6", "ich9", "usb", "virtio"),
    "hw:tpm_model": _one_of("tpm-tis", "tpm-crb"),
    "hw:tpm_secret_security": _one_of("user", "host", "deployment"),
    "hw:tpm_version": _one_of("1.2", "2.0"),
    "hw:usb_model": _one_of("none", "nec-xhci", "qemu-xhci"),
    "hw:vif_multiqueue_enabled": _boolean,
    "hw:viommu_model": _one_of("intel", "smmuv3", "virtio", "auto"),
    "hw:virtio_packed_ring": _boolean,
    "hw:watchdog_action": _one_of("none", "pause", "poweroff", "reset", "disabled"),
    "hw_rng:allowed": _boolean,
    "hw_rng:rate_bytes": _whole(0),
    "hw_rng:rate_period": _whole(0),
    "hw_video:ram_max_mb": _whole(0),
    "os:secure_boot": _one_of("disabled", "required"),
    "pci_passthrough:alias": _form(_ALIASES),
    "quota:cpu_period": _whole(0),
    "quota:cpu_quota": _whole(),
    "quota:cpu_shares": _whole(0),
    **{
        f"quota:{what}_{part}": check
        for what in ("cpu", "memory", "disk_io", "vif")
        for part, check in (
            ("limit", _whole(0)),
            ("reservation", _whole()),
            ("shares_level", _LEVEL),
            ("shares_share", _whole(0)),
        )
    },
    **{
        f"quota:disk_{way}_{unit}_sec": _whole(0)
        for way in ("read", "write", "total")
        for unit in ("bytes", "iops")
    },
    **{
        f"quota:vif_{way}_{rate}": _whole(0)
        for way in ("inbound", "outbound")
        for rate in ("average", "peak", "burst")
    },
    **dict.fromkeys((f"capabilities:{name}" for name in _CAPABILITIES.split()), _any),
    "vmware:hw_version": _any,
    "vmware:storage_policy": _any,
}

_RESOURCES: Final = (
    "VCPU MEMORY_MB DISK_GB PCI_DEVICE SRIOV_NET_VF NUMA_SOCKET NUMA_CORE NUMA_THREAD NUMA_MEMORY_MB "
    "IPV4_ADDRESS VGPU VGPU_DISPLAY_HEAD NET_BW_EGR_KILOBIT_PER_SEC NET_BW_IGR_KILOBIT_PER_SEC PCPU "
    "MEM_ENCRYPTION_CONTEXT FPGA PGPU NET_PACKET_RATE_KILOPACKET_PER_SEC "
    "NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC CUSTOM_[A-Z0-9_]+"
).replace(" ", "|")

_FORMED: Final = tuple(
    (re.compile(pattern, re.ASCII), check)
    for pattern, check in (
        (r"aggregate_instance_extra_specs:.+", _any),
        (rf"capabilities:({_CAPABILITIES_IN_PARTS})(:\w+)*", _any),
        (r"hw:numa_cpus\.\d+", _form(_CPUS)),
        (r"hw:numa_mem\.\d+", _whole(1)),
        (rf"resources{_GROUP}:({_RESOURCES})", _whole()),
        (rf"trait{_GROUP}:[A-Z0-9_]+", _TRAIT),
    )
)

_NAMESPACES: Final = re.compile(
    rf"accel|aggregate_instance_extra_specs|capabilities|hw|hw_rng|hw_video|os|pci_passthrough|quota"
    rf"|resources{_GROUP}|trait{_GROUP}|vmware",
    re.ASCII,
)


def wrong_spec(name: str, value: str) -> str | None:
    """What is wrong with an extra spec, as the rest of a sentence; None if nothing is."""
    check = _NAMED.get(name)
    if check is None:
        check = next((one for pattern, one in _FORMED if pattern.fullmatch(name)), None)
    if check is not None:
        return check(value)
    namespace, colon, _ = name.partition(":")
    if colon and _NAMESPACES.fullmatch(namespace):
        return f"extra spec '{name}' does not appear to be a valid extra spec"
    return None
