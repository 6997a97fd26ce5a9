"""Danger is heard however it is said, and not where it is only spoken of."""

from __future__ import annotations

import pytest

from facility.reports import Kind
from serviceday.reports import suggest

DANGER = """电梯困了我十分钟
我被困在电梯里出不来
有人关在电梯里面了
三号梯困住两个人
水管爆了，水一直喷
管子爆裂往外喷水
窨井盖没了，差点掉下去
门口的井盖不见了
有人高空抛物，差点砸到小孩
外墙墙砖掉下来了
广告牌快掉下来了
楼道里有焦糊味
配电箱有股糊味还打火花
有老人晕倒在大厅
小孩在楼梯摔伤流血了
电梯门夹到人了
着火了
地下车库电动车冒烟
楼上烧起来了快来
扶手漏电，我被电了一下
电线掉在地上了
闻到煤气味
燃气泄漏
路面塌陷一个大坑
my mother is trapped in the lift
people are stuck in elevator 2
there is a burning smell in the corridor
the socket in the lobby sparks
smell of gas on the third floor
a pipe burst in the garage
the manhole cover is missing by gate 2
tiles are falling off the facade
someone threw a bottle, it fell from the tenth floor
an old man fainted in the lobby
a cleaner got a shock from the barrier
the ceiling collapsed""".splitlines()

CALM = """电梯灯不亮
楼道灯坏了
为什么物业费这么高
关不上门
着火了往哪跑？
请问火灾逃生路线在哪里
什么时候有消防演练
想参加触电急救培训
感谢师傅及时修好电梯
充电到一半就停了
喷水池什么时候开
车位被占
绿化带叶子掉了一地
电梯有异响
请问怎么办理门禁卡
三楼垃圾没人收
隔壁装修太吵
the lobby light is out
when is the next fire drill
what is the escape route from the garage
thank you for fixing the lift
please trim the trees
the lift is slow
how much is a parking space""".splitlines()


@pytest.mark.parametrize("words", DANGER)
def test_danger_is_heard(words: str) -> None:
    assert suggest(words).urgent


@pytest.mark.parametrize("words", CALM)
def test_what_is_only_spoken_of_is_no_danger(words: str) -> None:
    assert not suggest(words).urgent


def test_a_door_that_does_not_shut_is_no_visit_at_home() -> None:
    for words in ("关不上门", "单元门关不上门", "锁不上门"):
        assert suggest(words).kind is not Kind.HOME_REPAIR
    assert suggest("我家水龙头坏了，请上门修").kind is Kind.HOME_REPAIR
