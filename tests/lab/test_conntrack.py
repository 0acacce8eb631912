"""Entries of connection tracking that another director's kernel told of: this one's takes them, and translates."""

from test_bench import built

NAT = """table inet t {
  chain post { type nat hook postrouting priority srcnat; policy accept;
    ct original ip daddr 192.0.2.100 snat ip to 10.9.0.200
    ct original ip6 daddr 2001:db8::100 snat ip6 to 2001:db8:9::200
  }
}
"""


def test_entries_are_made_found_renewed_and_deleted(lab, figure):
    lab.build({"lb1": {"eth0": ("front", "192.0.2.2/24")}})
    node = lab["lb1"]
    node.run("nft", NAT)
    figure("conntrack entries", node.run(built("conntrack_check")).strip())
