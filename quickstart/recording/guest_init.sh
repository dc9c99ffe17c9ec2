#!/bin/bash
# PID 1 of the recorded virtual machine: mounts, network, exporter, everyday load.
# The serial console is left with a shell, which is how incidents are started.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mount -t proc proc /proc
mount -t sysfs sys /sys 2>/dev/null
mount -t devtmpfs dev /dev 2>/dev/null
mount -t tmpfs tmpfs /run
mount -o remount,rw /
hostname recorded-host
modprobe -a virtio_net veth sch_tbf sch_ingress cls_flower cls_matchall act_mirred act_skbedit act_police

ip link set lo up
ip link set eth0 up
ip addr add 10.0.2.15/24 dev eth0 # only the scrape uses this one

# eth1 is a 100 Mbit/s link to a network namespace. stress-ng's network
# stressors only ever talk to 127.0.0.1, which Linux keeps on `lo`; the filters
# below send whatever enters `lo` out of eth1, have the far end return it, and
# hand it back to `lo`, so that it counts as traffic of eth1 like any other.
ip netns add peer
ip link add eth1 type veth peer name eth0 netns peer
ip addr add 10.9.0.1/24 dev eth1
ip link set eth1 up
ip netns exec peer ip addr add 10.9.0.2/24 dev eth0
ip netns exec peer ip link set eth0 up
tc qdisc add dev eth1 root tbf rate 100mbit burst 128kb latency 50ms
tc qdisc add dev lo clsact
# Port 8000 is held to 30 Mbit/s so that the two network incidents differ in strength.
tc filter add dev lo egress protocol ip prio 1 flower ip_proto udp dst_port 8000 \
    action police rate 30mbit burst 64k conform-exceed drop/pipe action mirred egress redirect dev eth1
tc filter add dev lo egress protocol ip prio 2 matchall action mirred egress redirect dev eth1
ip netns exec peer tc qdisc add dev eth0 clsact
ip netns exec peer tc filter add dev eth0 ingress protocol ip flower dst_ip 127.0.0.1 \
    action mirred egress redirect dev eth0
tc qdisc add dev eth1 clsact
tc filter add dev eth1 ingress protocol ip flower dst_ip 127.0.0.1 \
    action skbedit ptype host pipe action mirred ingress redirect dev lo
sysctl -qw net.ipv4.conf.lo.route_localnet=1 net.ipv4.conf.lo.accept_local=1 net.ipv4.conf.lo.rp_filter=0

ip netns exec peer python3 /root/scenario.py sink &
prometheus-node-exporter >/dev/null 2>&1 &
sleep 2
python3 /root/scenario.py background &

while true; do
    setsid bash </dev/ttyS0 >/dev/ttyS0 2>&1
    sleep 1
done
