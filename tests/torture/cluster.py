"""Charges accounts of a cluster, one cent at a time, through redis-py's cluster client.

Arguments: a node's port, and how many charges each account gets. Every charge has an id, and is
sent again until it is answered.
"""

import sys

from redis.cluster import RedisCluster
from redis.exceptions import RedisError

port, charges = int(sys.argv[1]), int(sys.argv[2])
client = RedisCluster(host="127.0.0.1", port=port)
for number in range(charges):
    for account in range(8):
        for attempt in range(1000):
            try:
                answer = client.execute_command(
                    "FW.SPEND", f"py:{account}", "0.01", "ID", f"s{number}"
                )
            except RedisError:
                continue
            assert answer[0] in (b"OK", b"DUPLICATE"), answer
            break
        else:
            sys.exit(f"no answer for py:{account}")
