"""The cluster clients of redis-py: each account on the node that has its slot."""

from __future__ import annotations

from decimal import Decimal

import pytest
import redis
import redis.asyncio

from fw_limits import AsyncLimits, Limits, NoHold
from servers import Cluster

KEYS = [f"acct:{number}" for number in range(12)]


@pytest.fixture(params=[2, 3], ids=["resp2", "resp3"])
def resp(request: pytest.FixtureRequest, cluster: Cluster) -> int:
    for node in cluster.nodes:
        node.clear()
    return int(request.param)


def spread(cluster: Cluster) -> None:
    sizes = [node.ask("DBSIZE") for node in cluster.nodes]
    assert sum(sizes) == len(KEYS)
    assert min(sizes) > 0, sizes


def test_a_cluster(cluster: Cluster, resp: int) -> None:
    with redis.RedisCluster(host="127.0.0.1", port=cluster.port, protocol=resp) as connection:
        limits = Limits(connection)
        for key in KEYS:
            with limits.hold(key, 1) as hold:
                assert hold.admitted
                hold.used(Decimal("0.5"))
            account = limits.get(key)
            assert account is not None
            assert account.spent == Decimal("0.5")
            with pytest.raises(NoHold):
                limits.void(key, "never-seen")
        with limits.lease(KEYS[0], "train-1", {"h100": 1}) as lease:
            assert lease.token == 1
        assert limits.tiers()[0].name == "tier-1"
        assert limits.help("VOID")[0] == "FW.VOID key id"
    spread(cluster)


async def test_an_async_cluster(cluster: Cluster, resp: int) -> None:
    async with redis.asyncio.RedisCluster(
        host="127.0.0.1", port=cluster.port, protocol=resp
    ) as connection:
        limits = AsyncLimits(connection)
        for key in KEYS:
            async with limits.hold(key, 1) as hold:
                assert hold.admitted
                hold.used(Decimal("0.5"))
            account = await limits.get(key)
            assert account is not None
            assert account.spent == Decimal("0.5")
            with pytest.raises(NoHold):
                await limits.void(key, "never-seen")
        async with limits.lease(KEYS[0], "train-1", {"h100": 1}) as lease:
            assert lease.token == 1
        assert (await limits.tiers())[0].name == "tier-1"
        assert (await limits.help("VOID"))[0] == "FW.VOID key id"
    spread(cluster)
