"""An outside for a lab host, for tests of NAT: a namespace beyond its default route that knows neither the lab nor its uplink."""

ADDRESS = "198.51.100.2"
SET_UP = f"""
set -e
ip netns add outside
ip link add up0 type veth peer name out0 netns outside
# Without IPv6 addresses, which would come and settle while the test looks.
ip link set up0 addrgenmode none
ip address add 198.51.100.1/24 dev up0
ip link set up0 up
ip -n outside address add {ADDRESS}/24 dev out0
ip -n outside link set out0 up
ip route add default via {ADDRESS}
"""
