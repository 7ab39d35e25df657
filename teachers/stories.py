"""The project's own word problems: names, things, and the wordings of each operation.

A wording is (text, expression). {a}, {b}, {c} are numbers, {name} and {other} are people, {things} are counted.
"""

from __future__ import annotations

NAMES = (
    "Ana",
    "Ben",
    "Carla",
    "David",
    "Emma",
    "Felix",
    "Grace",
    "Hugo",
    "Iris",
    "Jonas",
    "Kate",
    "Leo",
    "Maya",
    "Nora",
    "Oscar",
    "Paula",
    "Quinn",
    "Rosa",
    "Sam",
    "Tina",
    "Uma",
    "Victor",
    "Wendy",
    "Zoe",
)

THINGS = (
    "apples",
    "books",
    "cards",
    "coins",
    "shells",
    "stamps",
    "marbles",
    "pencils",
    "stickers",
    "buttons",
    "cookies",
    "flowers",
    "beads",
    "oranges",
    "photos",
    "candles",
    "ribbons",
    "stones",
    "tickets",
    "badges",
    "bottles",
    "crayons",
    "eggs",
    "keys",
)

# One step. Sums and differences use numbers up to 99, products up to 12 by 12; differences are never negative.
ADDITION = (
    ("{name} has {a} {things} and gets {b} more. How many {things} does {name} have now?", "{a}+{b}"),
    ("{name} found {a} {things} on Monday and {b} {things} on Tuesday. How many {things} is that in total?", "{a}+{b}"),
    (
        "There are {a} {things} in one box and {b} {things} in another. How many {things} are there in both boxes?",
        "{a}+{b}",
    ),
    ("{name} has {a} {things} and {other} has {b} {things}. How many {things} do they have together?", "{a}+{b}"),
    ("{name} bought {a} {things}, then bought {b} more. How many {things} did {name} buy?", "{a}+{b}"),
    ("A shop had {a} {things} and received {b} new ones. How many {things} does the shop have now?", "{a}+{b}"),
    ("{other} gave {b} {things} to {name}, who already had {a}. How many {things} does {name} have now?", "{a}+{b}"),
)
SUBTRACTION = (
    ("{name} has {a} {things} and gives {b} to {other}. How many {things} are left?", "{a}-{b}"),
    ("{name} had {a} {things} and lost {b} of them. How many {things} does {name} still have?", "{a}-{b}"),
    ("There were {a} {things} on the table. {name} took {b}. How many {things} remain on the table?", "{a}-{b}"),
    ("{name} has {a} {things} and {other} has {b}. How many more {things} does {name} have than {other}?", "{a}-{b}"),
    ("A shop had {a} {things} and sold {b}. How many {things} are left in the shop?", "{a}-{b}"),
    ("{name} needs {a} {things} and already has {b}. How many {things} are missing?", "{a}-{b}"),
    ("Of {a} {things}, {b} are broken. How many {things} are not broken?", "{a}-{b}"),
)
MULTIPLICATION = (
    ("{name} has {a} boxes with {b} {things} in each. How many {things} does {name} have?", "{a}*{b}"),
    ("There are {a} bags and each bag holds {b} {things}. How many {things} are there?", "{a}*{b}"),
    ("{name} buys {b} {things} every day for {a} days. How many {things} does {name} buy?", "{a}*{b}"),
    ("{a} children get {b} {things} each. How many {things} are given out?", "{a}*{b}"),
    ("A wall has {a} shelves and every shelf holds {b} {things}. How many {things} fit on the wall?", "{a}*{b}"),
    ("{name} puts {b} {things} in each of {a} rows. How many {things} are in the rows?", "{a}*{b}"),
)
# Two steps.
ADD_THEN_SUBTRACT = (
    ("{name} had {a} {things}, got {b} more and gave away {c}. How many {things} does {name} have now?", "{a}+{b}-{c}"),
    ("A shop had {a} {things}, received {b} and sold {c}. How many {things} are in the shop now?", "{a}+{b}-{c}"),
    (
        "{name} found {a} {things} and {other} found {b}. They lost {c} of them. How many {things} are left?",
        "{a}+{b}-{c}",
    ),
    ("There are {a} red and {b} blue {things}. {name} takes {c} of them. How many {things} remain?", "{a}+{b}-{c}"),
    (
        "{name} picked {a} {things} in the morning and {b} at noon, then used {c}. How many {things} are unused?",
        "{a}+{b}-{c}",
    ),
    (
        "{other} gave {name} {a} {things}, then {b} more, and took back {c}. How many {things} did {name} keep?",
        "{a}+{b}-{c}",
    ),
)
MULTIPLY_THEN_ADD = (
    (
        "{name} has {a} boxes with {b} {things} in each and {c} loose {things}. How many {things} is that in all?",
        "{a}*{b}+{c}",
    ),
    (
        "{name} buys {a} bags of {b} {things} and already had {c} {things}. How many {things} does {name} have?",
        "{a}*{b}+{c}",
    ),
    ("There are {a} rows of {b} {things} and {c} more on the floor. How many {things} are there?", "{a}*{b}+{c}"),
    ("{a} children bring {b} {things} each and the teacher brings {c}. How many {things} are brought?", "{a}*{b}+{c}"),
    ("{name} makes {b} {things} a day for {a} days, then {c} more. How many {things} does {name} make?", "{a}*{b}+{c}"),
    ("Each of {a} shelves holds {b} {things} and a box holds {c}. How many {things} do they hold?", "{a}*{b}+{c}"),
)
MULTIPLY_THEN_SUBTRACT = (
    (
        "{name} has {a} boxes with {b} {things} in each and gives away {c} {things}. How many {things} are left?",
        "{a}*{b}-{c}",
    ),
    ("{name} buys {a} bags of {b} {things} and loses {c}. How many {things} does {name} still have?", "{a}*{b}-{c}"),
    ("There were {a} rows of {b} {things} and {c} were sold. How many {things} remain?", "{a}*{b}-{c}"),
    ("{a} children bring {b} {things} each and {c} get broken. How many {things} are whole?", "{a}*{b}-{c}"),
    ("{name} makes {b} {things} a day for {a} days and sells {c}. How many {things} are unsold?", "{a}*{b}-{c}"),
    ("Each of {a} shelves held {b} {things}, then {name} took {c}. How many {things} stayed?", "{a}*{b}-{c}"),
)
STORIES = (ADDITION, SUBTRACTION, MULTIPLICATION, ADD_THEN_SUBTRACT, MULTIPLY_THEN_ADD, MULTIPLY_THEN_SUBTRACT)
