"""The English traces, letter by letter: what the measured students were trained on must not change by accident."""

from __future__ import annotations

import pytest

from teachers.nano_tasks import draw_problem
from teachers.symbolic import solve

GOLDEN = (
    (
        "arithmetic", 0, 0, 0,
        "<INST>What is 60 * 48?</INST><THINK>"
        "[UNDERSTAND]<STEP>60*48"
        "[PLAN]<STEP>multiply"
        "[EXECUTE]<STEP>0*8=0<STEP>6*8=48<STEP>0*4=0<STEP>6*4=24<STEP>0480+2400<STEP>0+0=0<STEP>8+0+0=8"
        "<STEP>4+4+0=8<STEP>0+2+0=2"
        "[VERIFY]<STEP>2880/48=60 ok</THINK><ANS>2880</ANS>",
    ),
    (
        "arithmetic", 0, 1, 0,
        "<INST>What is 857 - 530?</INST><THINK>"
        "[UNDERSTAND]<STEP>857-530"
        "[PLAN]<STEP>compare<STEP>subtract"
        "[EXECUTE]<STEP>8>5<STEP>7-0=7<STEP>5-3-0=2<STEP>8-5-0=3"
        "[VERIFY]<STEP>327+530=857 ok</THINK><ANS>327</ANS>",
    ),
    (
        "two_step", 0, 0, 0,
        "<INST>What is 44 + 34 - 4?</INST><THINK>"
        "[UNDERSTAND]<STEP>44+34-04"
        "[PLAN]<STEP>add<STEP>compare<STEP>subtract"
        "[EXECUTE]<STEP>4+4=8<STEP>4+3+0=7<STEP>78-04<STEP>7>0<STEP>8-4=4<STEP>7-0-0=7"
        "[VERIFY]<STEP>74+4-34=44 ok</THINK><ANS>74</ANS>",
    ),
    (
        "two_step", 0, 1, 0,
        "<INST>What is 60 * 9 + 86?</INST><THINK>"
        "[UNDERSTAND]<STEP>60*9+86"
        "[PLAN]<STEP>multiply<STEP>add"
        "[EXECUTE]<STEP>0*9=0<STEP>6*9=54<STEP>540+086<STEP>0+6=6<STEP>4+8+0=12<STEP>5+0+1=6"
        "[VERIFY]<STEP>(626-86)/9=60 ok</THINK><ANS>626</ANS>",
    ),
    (
        "even_odd", 0, 0, 0,
        "<INST>Is 2226 even or odd?</INST><THINK>"
        "[UNDERSTAND]<STEP>last 6"
        "[PLAN]<STEP>halve"
        "[EXECUTE]<STEP>6-0=6"
        "[VERIFY]<STEP>3*2+0=6 ok</THINK><ANS>even</ANS>",
    ),
    (
        "even_odd", 0, 1, 0,
        "<INST>Is 5671 even or odd?</INST><THINK>"
        "[UNDERSTAND]<STEP>last 1"
        "[PLAN]<STEP>halve"
        "[EXECUTE]<STEP>1-1=0"
        "[VERIFY]<STEP>0*2+1=1 ok</THINK><ANS>odd</ANS>",
    ),
    (
        "comparison", 0, 0, 0,
        "<INST>Which is larger, 0 or 9213?</INST><THINK>"
        "[UNDERSTAND]<STEP>0000, 9213"
        "[PLAN]<STEP>larger"
        "[EXECUTE]<STEP>0<9"
        "[VERIFY]<STEP>0<9213 ok</THINK><ANS>9213</ANS>",
    ),
    (
        "comparison", 0, 1, 0,
        "<INST>Which is larger, 99 or 55?</INST><THINK>"
        "[UNDERSTAND]<STEP>99, 55"
        "[PLAN]<STEP>larger"
        "[EXECUTE]<STEP>9>5"
        "[VERIFY]<STEP>99>55 ok</THINK><ANS>99</ANS>",
    ),
    (
        "pattern", 0, 0, 0,
        "<INST>What comes next: 4, 12, 36, 108?</INST><THINK>"
        "[UNDERSTAND]<STEP>4, 12, 108"
        "[PLAN]<STEP>times 3<STEP>multiply"
        "[EXECUTE]<STEP>108*3<STEP>8*3=24<STEP>0*3=0<STEP>0+2=2<STEP>1*3=3"
        "[VERIFY]<STEP>324/3=108 ok</THINK><ANS>324</ANS>",
    ),
    (
        "pattern", 0, 1, 0,
        "<INST>What comes next: 3, -16, -35, -54?</INST><THINK>"
        "[UNDERSTAND]<STEP>3, -16, -54"
        "[PLAN]<STEP>difference<STEP>add"
        "[EXECUTE]<STEP>-(16+03)<STEP>6+3=9<STEP>1+0+0=1<STEP>-(54+19)<STEP>4+9=13<STEP>5+1+1=7"
        "[VERIFY]<STEP>-73+54=-19 ok</THINK><ANS>-73</ANS>",
    ),
    (
        "word_problem", 0, 0, 0,
        "<INST>Zoe found 97 pencils on Monday and 8 pencils on Tuesday. How many pencils is that in total?"
        "</INST><THINK>"
        "[UNDERSTAND]<STEP>97+08"
        "[PLAN]<STEP>add"
        "[EXECUTE]<STEP>7+8=15<STEP>9+0+1=10"
        "[VERIFY]<STEP>105-8=97 ok</THINK><ANS>105</ANS>",
    ),
    (
        "word_problem", 0, 1, 0,
        "<INST>Ana buys 7 bags of 5 candles and loses 9. How many candles does Ana still have?</INST><THINK>"
        "[UNDERSTAND]<STEP>7*5-9"
        "[PLAN]<STEP>multiply<STEP>compare<STEP>subtract"
        "[EXECUTE]<STEP>7*5=35<STEP>35-09<STEP>3>0<STEP>5-9+10=6<STEP>3-0-1=2"
        "[VERIFY]<STEP>(26+9)/5=7 ok</THINK><ANS>26</ANS>",
    ),
    (
        "sorting", 0, 0, 0,
        "<INST>Sort from smallest to largest: 60, 78, 88, 58, 19, 18</INST><THINK>"
        "[UNDERSTAND]<STEP>60 78 88 58 19 18"
        "[PLAN]<STEP>insert"
        "[EXECUTE]<STEP>78: 60 78<STEP>88: 60 78 88<STEP>58: 58 60 78 88<STEP>19: 19 58 60 78 88"
        "<STEP>18: 18 19 58 60 78 88"
        "[VERIFY]<STEP>6=6 ok</THINK><ANS>18, 19, 58, 60, 78, 88</ANS>",
    ),
    (
        "sorting", 0, 1, 0,
        "<INST>Sort from smallest to largest: 28, 83, 24</INST><THINK>"
        "[UNDERSTAND]<STEP>28 83 24"
        "[PLAN]<STEP>insert"
        "[EXECUTE]<STEP>83: 28 83<STEP>24: 24 28 83"
        "[VERIFY]<STEP>3=3 ok</THINK><ANS>24, 28, 83</ANS>",
    ),
    (
        "arithmetic", 2, 1, 1,
        "<INST>What is 17 * 32?</INST><THINK>"
        "[UNDERSTAND]<STEP>17*32"
        "[PLAN]<STEP>multiply"
        "[EXECUTE]<STEP>7*2=14<STEP>1*2=12<STEP>12+1=13<STEP>7*3=21<STEP>1*3=3<STEP>3+2=5<STEP>134+510"
        "<STEP>4+0=4<STEP>3+1+0=4<STEP>1+5+0=6"
        "[VERIFY]<STEP>644/32!=17<STEP>1*2=2, 12 wrong<STEP>2+1=3<STEP>7*3=21<STEP>1*3=3<STEP>3+2=5"
        "<STEP>034+510<STEP>4+0=4<STEP>3+1+0=4<STEP>0+5+0=5<STEP>544/32=17 ok</THINK><ANS>544</ANS>",
    ),
    (
        "two_step", 2, 1, 1,
        "<INST>What is 24 - 12 + 37?</INST><THINK>"
        "[UNDERSTAND]<STEP>24+37-12"
        "[PLAN]<STEP>add<STEP>compare<STEP>subtract"
        "[EXECUTE]<STEP>4+7=11<STEP>2+3+1=6<STEP>61-12<STEP>6>1<STEP>1-2+10=9<STEP>6-1-1=2"
        "[VERIFY]<STEP>29+12-37!=24<STEP>6-1-1=4, 2 wrong<STEP>49+12-37=24 ok</THINK><ANS>49</ANS>",
    ),
    (
        "pattern", 2, 1, 1,
        "<INST>What comes next: 92, 79, 66, 53?</INST><THINK>"
        "[UNDERSTAND]<STEP>92, 79, 53"
        "[PLAN]<STEP>difference<STEP>add"
        "[EXECUTE]<STEP>79-92<STEP>7<9<STEP>-(92-79)<STEP>2-9+10=3<STEP>9-7-1=0<STEP>53-03<STEP>5>0"
        "<STEP>3-3=0<STEP>5-0-0=5"
        "[VERIFY]<STEP>50-53!=-13<STEP>9-7-1=1, 0 wrong<STEP>53-13<STEP>5>1<STEP>3-3=0<STEP>5-1-0=4"
        "<STEP>40-53=-13 ok</THINK><ANS>40</ANS>",
    ),
    (
        "word_problem", 2, 1, 1,
        "<INST>Victor has 77 photos and gets 19 more. How many photos does Victor have now?</INST><THINK>"
        "[UNDERSTAND]<STEP>77+19"
        "[PLAN]<STEP>add"
        "[EXECUTE]<STEP>7+9=18<STEP>7+1+1=9"
        "[VERIFY]<STEP>98-19!=77<STEP>7+9=16, 18 wrong<STEP>7+1+1=9<STEP>96-19=77 ok</THINK><ANS>96</ANS>",
    ),
)  # fmt: skip
"""(task, seed, index, error rate, text)"""


@pytest.mark.parametrize(("task", "seed", "index", "error_rate", "text"), GOLDEN)
def test_english_traces_are_the_same_letter_by_letter(
    task: str, seed: int, index: int, error_rate: float, text: str
) -> None:
    problem = draw_problem(task, seed=seed, index=index, split="train")
    assert solve(problem, error_rate=error_rate).text == text
