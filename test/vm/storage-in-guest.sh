#!/bin/bash
# What daosctl does with storage hardware, in the guest of ./run: NVMe on three drivers, huge pages, PMem, the
# network. Prints a line for each check, ends with "N passed, N failed". Arguments: the executable, and
# optionally a folder with SPDK's libraries.
set -u
cp "$1" /tmp/daosctl
export SPDK_LIB_DIR=${2:-}
[[ $SPDK_LIB_DIR ]] || unset SPDK_LIB_DIR
passed=0 failed=0
server() { /tmp/daosctl server "$@" --ignore-config; }
helper() { printf '%s' "$1" | LD_LIBRARY_PATH=${SPDK_LIB_DIR:-} /tmp/daosctl helper 2>/tmp/helper.log; }

# check NAME COMMAND...: the command succeeds.
check() {
  local name=$1 out
  shift
  if out=$("$@" 2>&1); then
    passed=$((passed + 1))
    echo "ok   $name"
  else
    failed=$((failed + 1))
    printf 'FAIL %s (%s)\n%s\n' "$name" "$?" "$out"
  fi
}
contains() { [[ $1 == *"$2"* ]] || { printf 'not in it: %s\n%s\n' "$2" "$1"; return 1; }; }
lacks() { [[ $1 != *"$2"* ]] || { printf 'in it: %s\n%s\n' "$2" "$1"; return 1; }; }
equals() { [[ $1 == "$2" ]] || { printf 'is "%s", not "%s"\n' "$1" "$2"; return 1; }; }

# address_of SERIAL: PCI address of a drive; disk_of SERIAL: its block device
address_of() { local one; for one in /sys/class/nvme/nvme*; do [[ $(<"$one/serial") != "$1"* ]] || cat "$one/address"; done; }
disk_of() { local one; for one in /sys/class/nvme/nvme*; do [[ $(<"$one/serial") != "$1"* ]] || basename "$one"/nvme*n1; done; }
driver_of() { local link; link=$(readlink "/sys/bus/pci/devices/$1/driver") && basename "$link"; }

a0=$(address_of TEST0000) a1=$(address_of TEST0001) a2=$(address_of TEST0002) a3=$(address_of TEST0003)
d0=$(disk_of TEST0000)
mkfs.ext4 -q -F "/dev/$(disk_of TEST0003)" && mkdir -p /mnt/data && mount "/dev/$(disk_of TEST0003)" /mnt/data
printf 'label: gpt\n,64M\n' | sfdisk -q "/dev/$(disk_of TEST0002)" && sleep 1
printf 'signature of something' | dd of="/dev/$d0" conv=notrunc status=none
echo "drives: $a0 $a1 $a2 (partitioned) $a3 (mounted)"

scan=$(server nvme scan --skip-prep 2>&1)
for address in $a0 $a1 $a2 $a3; do check "scan shows $address" contains "$scan" "$address"; done

plan=$(server nvme prepare --dry-run -p 128 2>&1)
check 'the plan binds the first' contains "$plan" "$a0  nvme -> vfio-pci"
check 'the plan binds the second' contains "$plan" "$a1  nvme -> vfio-pci"
check 'the plan leaves the partitioned one' contains "$plan" "$a2  left alone: "
check 'the plan leaves the mounted one' contains "$plan" "is mounted at /mnt/data"
check 'a dry run changes no driver' equals "$(driver_of "$a0")" nvme
check 'a dry run allocates no pages' equals "$(cat /proc/sys/vm/nr_hugepages)" 0

prepared=$(server nvme prepare -p 128 2>&1)
check 'prepare ends well' equals "$?" 0
echo "$prepared" | sed 's/^/     /'
check 'the first is on vfio-pci' equals "$(driver_of "$a0")" vfio-pci
check 'the second is on vfio-pci' equals "$(driver_of "$a1")" vfio-pci
check 'the partitioned one is not' equals "$(driver_of "$a2")" nvme
check 'the mounted one is not' equals "$(driver_of "$a3")" nvme
check 'no override is left' equals "$(cat "/sys/bus/pci/devices/$a0/driver_override")" '(null)'
check 'pages are there' equals "$(cat /proc/sys/vm/nr_hugepages)" 128
check 'pages are on both nodes' equals "$(cat /sys/devices/system/node/node[01]/hugepages/hugepages-2048kB/nr_hugepages | tr '\n' ' ')" '64 64 '
again=$(server nvme prepare -p 128 2>&1)
check 'prepare again keeps it' contains "$again" "$a0  is on vfio-pci already"

if [[ ${SPDK_LIB_DIR:-} ]]; then
  echo "SPDK in $SPDK_LIB_DIR:"
  scan=$(server nvme scan --skip-prep 2>/tmp/notes)
  check 'SPDK scans the drives on vfio' contains "$scan" "$a0"
  check 'with the kernel its own' contains "$scan" "$a3"
  sed 's/^/     /' /tmp/notes
  json=$(helper "{\"op\":\"nvme-scan\",\"allow\":[\"$a0\",\"$a1\",\"$a2\"]}")
  check 'identity' contains "$json" '"serial":"TEST0000"'
  check 'health' contains "$json" '"kelvin":323'
  check 'namespaces' contains "$json" '"namespaces":[{"id":1,"sizeBytes":"2147483648","sectorBytes":512}]'
  check 'a drive on the kernel is told as missing' contains "$json" "$a2 is on the kernel's driver nvme"
  time check 'format' contains "$(helper "{\"op\":\"nvme-format\",\"allow\":[\"$a0\",\"$a1\"]}")" \
    "{\"address\":\"$a0\",\"namespace\":1,\"error\":\"\"}"
  check 'nothing of SPDK is left' equals "$(ls /var/run/dpdk /dev/hugepages /var/tmp 2>/dev/null | grep -c spdk_pid)" 0
fi

reset=$(server nvme reset 2>&1)
check 'reset ends well' equals "$?" 0
echo "$reset" | sed 's/^/     /'
check 'the first is on nvme again' equals "$(driver_of "$a0")" nvme
for wait in 1 2 3 4 5 6 7 8 9 10; do [[ -b /dev/$(disk_of TEST0000) ]] && break; sleep 0.3; done
check 'and has its disk' test -b "/dev/$(disk_of TEST0000)"
first=$(head -c 9 "/dev/$(disk_of TEST0000)" | tr '\0' .)
if [[ ${SPDK_LIB_DIR:-} ]]; then check 'format has wiped it' equals "$first" .........
else check 'its data are still there' equals "$first" signature; fi

uio=$(server nvme prepare --disable-vfio -p 128 "$a0" 2>&1)
check 'uio when VFIO is refused' equals "$(driver_of "$a0")" uio_pci_generic
check 'only what is allowed' equals "$(driver_of "$a1")" nvme
if [[ ${SPDK_LIB_DIR:-} ]]; then
  check 'SPDK on uio' contains "$(helper "{\"op\":\"nvme-scan\",\"allow\":[\"$a0\"]}")" '"serial":"TEST0000"'
fi
server nvme reset --release-hugepages >/dev/null 2>&1
check 'reset from uio' equals "$(driver_of "$a0")" nvme
check 'pages given back' equals "$(cat /proc/sys/vm/nr_hugepages)" 0

server nvme prepare -p 64 -u nobody "$a1" >/dev/null 2>&1
group=$(basename "$(readlink "/sys/bus/pci/devices/$a1/iommu_group")")
check 'the VFIO group belongs to the user' equals "$(stat -c %U "/dev/vfio/$group")" nobody
check 'so do the huge pages' equals "$(stat -c %U /dev/hugepages)" nobody
if [[ ${SPDK_LIB_DIR:-} ]]; then
  server nvme reset --release-hugepages >/dev/null 2>&1
  server nvme prepare -p 1 "$a1" >/dev/null 2>&1
  check 'SPDK without huge pages' contains "$(helper "{\"op\":\"nvme-scan\",\"allow\":[\"$a1\"]}")" '"serial":"TEST0001"'
fi
exec 9<>"/dev/vfio/$group"
held=$(server nvme reset 2>&1)
check 'a device in use is not taken' contains "$held" "in use by process $$"
exec 9>&-
server nvme reset >/dev/null 2>&1
check 'and is, once it is free' equals "$(driver_of "$a1")" nvme

scm=$(server scm prepare --force 2>&1)
check 'no PMem modules: fault 211' contains "$scm" 'code = 211'
ndctl create-namespace --region region0 --size 256M >/tmp/ndctl 2>&1 || cat /tmp/ndctl
check 'a blank namespace holds nothing' equals "$(helper '{"op":"pmem-probe","device":"/dev/pmem0"}')" '{"ok":true,"value":"none"}'
check 'mkfs with the options of 2.6' contains "$(helper '{"op":"pmem-mkfs","device":"/dev/pmem0"}')" '"ok":true'
check 'is refused the second time' contains "$(helper '{"op":"pmem-mkfs","device":"/dev/pmem0"}')" 'holds a file system (ext4)'
mkdir -p /mnt/daos0
check 'mount with dax' contains "$(helper '{"op":"mount","source":"/dev/pmem0","target":"/mnt/daos0","fstype":"ext4","options":"noatime,dax,nodelalloc"}')" '"ok":true'
check 'dax is on' contains "$(grep /mnt/daos0 /proc/mounts)" dax
check 'a mounted device is not formatted' contains "$(helper '{"op":"pmem-mkfs","device":"/dev/pmem0","force":true}')" 'is mounted'
check 'namespaces are listed' contains "$(helper '{"op":"pmem-namespaces"}')" '"blockDevice":"pmem0"'

ip link set eth0 up && ip addr add 10.0.0.2/24 dev eth0
network=$(server network scan -p ofi+tcp 2>&1)
check 'network scan' contains "$network" eth0
umount /mnt/daos0 /mnt/data
echo "$passed passed, $failed failed"
((failed == 0))
