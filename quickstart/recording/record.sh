#!/bin/bash
# Builds and boots the virtual machine of this recording and starts a Prometheus
# that scrapes it every 5 s. A VM of its own, because a recording made on a
# machine that is doing other things would contain those things too.
# Needs (Debian): qemu-system-x86 debootstrap e2fsprogs prometheus, and root.
#   record.sh WORKDIR            then follow README.md, "How to record another"
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=${1:?usage: record.sh WORKDIR}
accel=${ACCEL:-tcg,thread=multi} # ACCEL=kvm where /dev/kvm can run an ordinary kernel
mkdir -p "$work"
cd "$work"

if [ ! -d root ]; then
    debootstrap --variant=minbase --include=prometheus-node-exporter,stress-ng,iproute2,kmod,procps,udev,python3,initramfs-tools,linux-image-cloud-amd64 bookworm root
fi
install -m 755 "$here/guest_init.sh" root/sbin/init
install -m 755 "$here/scenario.py" root/root/scenario.py
rm -f disk.img
truncate -s 8G disk.img
mke2fs -q -t ext4 -d root disk.img

# The disk is limited to what a modest cloud volume does, so that its pace does
# not depend on the machine underneath. All ports are bound to loopback.
setsid nice -n -5 qemu-system-x86_64 -accel "$accel" -cpu max -smp 2 -m 2048 -display none -no-reboot \
    -kernel root/boot/vmlinuz-* -initrd root/boot/initrd.img-* \
    -append "root=/dev/vda rw init=/sbin/init console=ttyS0 net.ifnames=0 quiet" \
    -drive file=disk.img,format=raw,if=virtio,cache=none,aio=threads,throttling.bps-total=125000000,throttling.iops-total=3000 \
    -netdev user,id=n0,restrict=on,hostfwd=tcp:127.0.0.1:19100-:9100 -device virtio-net-pci,netdev=n0 \
    -chardev socket,id=con,path=console.sock,server=on,wait=off,logfile=console.log -serial chardev:con \
    -chardev file,id=out,path=incidents.jsonl -serial chardev:out \
    </dev/null >qemu.log 2>&1 &
echo $! >qemu.pid

cat >prometheus.yml <<'YML'
global: {scrape_interval: 5s, scrape_timeout: 4s}
scrape_configs:
  - job_name: node
    static_configs:
      - targets: ["127.0.0.1:19100"]
        labels: {instance: recorded-host}
YML
setsid nice -n -5 prometheus --config.file=prometheus.yml --storage.tsdb.path=tsdb \
    --web.listen-address=127.0.0.1:19090 </dev/null >prometheus.log 2>&1 &
echo $! >prometheus.pid
