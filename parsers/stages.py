"""The stage of a statement, judged by what it does: restate, announce, compute or check. Rules, no model.

    "Jill works 35 hours per week."                  ->  UNDERSTAND  (every number is given)
    "Next, let's calculate her earnings:"            ->  PLAN        (announces, computes nothing)
    "The weekly earnings are 35 * 20 = 700."         ->  EXECUTE
    "700 / 20 = 35, so the result is correct."       ->  VERIFY      (looks again at a result that stands)

The words of the three languages stand below; what the numbers of a statement are is told by `Facts`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from parsers.graph import Stage


@dataclass(frozen=True, slots=True)
class Facts:
    """What the reader of a text knows about the numbers of one statement and about what stood before it."""

    computes: bool = False
    """It holds an operation or a relation between numbers or unknowns."""
    unequal: bool = False
    """It holds an expression, but no equation."""
    worded: bool = False
    """It relates quantities in words only: Total = A + B."""
    numbers: int = 0
    given: bool = False
    """Every number in it is stated in the problem."""
    recalled: bool = False
    """It holds a value computed earlier that the problem does not state."""
    stands: bool = False
    """Some result has been computed before."""
    rechecks: bool = False
    """Its equation leads from a result back to what the result was made of."""
    checking: bool = False
    """A check has been announced and not been closed."""
    closing: bool = False
    """It states the final answer."""
    leads: bool = False
    """It ends in a colon and announces what follows."""
    restates: bool = False
    """Nearly all its words are the problem's words."""


_CHECK = re.compile(
    r"""
    \b(?:double[- ]?check|re-?check|sanity\ check|cross[- ]?check|verif(?:y|ies|ied|ying|ication)\b|validat(?:e|es|ing)\b)
    |^\W*(?:(?:now|next|finally|first|then|so|and|but|also|to)\b[,\ ]*)?(?:let'?s|let\ me|we(?:\ can|\ should|\ must|\ will|\ need\ to)?|i(?:\ should|\ will|'ll|\ need\ to)?|to)?\ *
      (?:quickly\ |just\ |also\ |now\ )?(?:check|confirm)(?:ing)?\b(?!\s+out)
    |^\W*check\s*[:.!]|\bas\ a\ check\b|\bin\ reverse\b|\bwork(?:ing)?\ backwards?\b
    |\b(?:this|which|that|it|these|calculations?|results?)\ (?:also\ )?confirms?\b|\bconfirming\b
    |\b(?:plug|substitut|put)\w*\b[^.]{0,60}\b(?:back\ )?(?:into|in)\ the\ original\b(?![^.]{0,60}\bto\ (?:find|solve|get|determine|obtain)\b)
    |\b(?:answer|result|solution|calculations?|value|values|total|number|work|sum|difference|product|equation|statement|condition)s?\ (?:is|are|was|were|seems?|looks?|must\ be)\ (?:therefore\ |indeed\ |thus\ |also\ |all\ |both\ |very\ |mathematically\ )*
      (?:correct|right|wrong|incorrect|consistent|inconsistent|reasonable|unreasonable|plausible|implausible|valid|invalid|satisfied|verified|confirmed|true|false|sensible|possible|impossible|too\ (?:large|big|small|high|low|many|few))\b
    |\b(?:this|that|it|which)\ (?:is|seems|looks|sounds|was)\ (?:indeed\ |also\ |clearly\ |perfectly\ |not\ |definitely\ )*
      (?:correct|right|wrong|incorrect|consistent|inconsistent|reasonable|unreasonable|plausible|implausible|true|false|impossible|sensible)\b
    |\b(?:makes?|make)\ (?:perfect\ |no\ |good\ )?sense\b|\bdo(?:es)?n'?t\ make\ sense\b|\bdoes\ not\ make\ sense\b
    |\b(?:which|this|that|it|and|both|result|answer|total|sum)\ (?:indeed\ |also\ |exactly\ )*(?:match(?:es)?|agrees?|does\ not\ match|doesn'?t\ match|fits?|checks\ out)\b
    |\bas\ (?:expected|required|stated|desired)\b|\bchecks\ out\b
    |\bholds?\ true\b|\bthis\ holds\b|\b(?:conditions?|equations?|constraints?)\ (?:holds?|(?:is|are)\ (?:all\ |both\ |indeed\ )*(?:met|satisfied))\b
    |\bsatisf(?:y|ies)\ (?:both|all|the\ (?:original|given|problem|conditions?|first\ condition|second\ condition|requirements?|constraints?))
    |\b(?:can(?:not|'t)|must|should|has\ to|have\ to)\ be\ (?:an?\ )?(?:integer|whole|positive|negative|even|odd|fraction(?:al)?|less\ than|greater\ than|more\ than|at\ (?:least|most)|smaller|larger)
    |\b(?:equals?|is\ equal\ to|is|gives?\ (?:us\ )?(?:back\ )?)\ (?:exactly\ |indeed\ )?(?:the\ (?:original|given|starting|initial|same)\ (?:number|total|amount|value|price|sum)s?(?:\ (?:we|that|given|stated|in\ the\ problem))|what\ (?:we|the\ problem))
    |\b(?:we|which)\ (?:get|gets|gives|recover|recovers|arrive\ at|obtain)s?\ (?:back\ )?the\ (?:original|starting|given)\b
    |^\W*(?:wait|hmm+|hold\ on|oops|actually,?\ (?:no|wait|let)|no,?\ (?:that|wait|this))\b
    |\b(?:i|we)\ (?:made|have\ made)\ (?:a|an)\ (?:mistake|error)|\bthere(?:'s|\ is|\ was|\ must\ be)\ (?:a|an|some)\ (?:mistake|error|contradiction)\b
    |\bthat\ can'?t\ be\b|\bthat(?:'s|\ is)\ not\ right\b|\bcontradict\w*|\bre-?evaluate\b|\breconsider\b
    |\bestimat(?:e|ing|ion)\b[^.]{0,80}\b(?:close|near|about\ right|reasonable|agrees)|\bclose\ to\ (?:our|the)\ (?:answer|result|estimate)
    |\bindeed\b(?=[^.]{0,80}\b(?:equal|is|are|times|=))|[✓✔✅]
    |\b(?:left|right)(?:-hand)?\ sides?\b[^.]{0,60}\b(?:equals?|same|match)|\blhs\b
    |\bverifica|\bconfer(?:e|ir|indo|imos|ência)\b|\bchec(?:ar|ando|agem|amos)\b|\bprova\ real\b|\btirar\ a\ prova\b|\btirando\ a\ prova\b
    |\bconfirma(?:mos|ndo|r|do)?\b|\bfaz(?:em)?\ sentido\b|\bbate(?:m)?\ com\b|\bde\ volta\ na\b
    |\b(?:resposta|resultado|solução|conta|cálculo|valor|total)\ (?:está|é|parece)\ (?:realmente\ |de\ fato\ |portanto\ )?(?:corret|cert|razoáve|coerente|errad|consistente|plausíve|válid|incorret)
    |\b(?:isso|o\ que|que)\ (?:está|é)\ (?:corret|cert|razoáve|coerente|errad|consistente|verdade|plausíve)|^\W*(?:correto|certo|confere)\b
    |\bsubstituindo\b[^.]{0,60}\b(?:na\ equação\ original|de\ volta|no\ problema|no\ enunciado)|\bsatisfaz(?:em)?\ (?:as|a|o|os|todas|ambas)\b
    |\bcomo\ (?:esperado|queríamos|no\ enunciado)\b|\bespere\b|\bperaí\b
    |\bkiểm\ (?:tra|chứng|nghiệm)\b|\bthử\ lại\b|\bxác\ minh\b|\bđối\ chiếu\b
    |(?:kết\ quả|đáp\ án|đáp\ số|lời\ giải|giá\ trị)\ (?:này\ |trên\ |tìm\ được\ )*(?:là\ )?(?:hợp\ lý|hợp\ lí|đúng|chính\ xác|sai|vô\ lý|phù\ hợp|khớp)
    |\b(?:điều\ này|điều\ đó)\ (?:là\ )?(?:hợp\ lý|hợp\ lí|đúng|phù\ hợp|vô\ lý|khớp)|(?:đúng|khớp|phù\ hợp)\ (?:với|như)\ (?:đề|giả\ thiết|dữ\ kiện|bài\ toán|kết\ quả)
    |\bthay\ (?:lại|ngược)\b|\bthay\b[^.]{0,60}\bvào\ (?:phương\ trình\ ban\ đầu|đề\ bài|đề)\b|^\W*(?:khoan|chờ\ đã|đợi\ đã)\b
    """,
    re.I | re.X,
)
_OPENS_CHECK = re.compile(
    r"\b(?:double[- ]?check|cross[- ]?check|sanity check|verify|verifying|verification|validat(?:e|ing|ion))\b"
    r"|^\W*(?:(?:now|next|finally|then|so|and|but|also|step \d+:?)[, ]+)?(?:let'?s|let me|we(?: can| should| must| will| need to)?|i(?: should| will|'ll)?|to)? ?(?:quickly |just |also |now )?(?:check|confirm)(?:ing)?\b(?! (?:is|was|costs))"
    r"|\b(?:plug|substitut)\w*\b[^.]{0,60}\boriginal\b"
    r"|\bverifi(?:car|que|quemos|cação|cando)\b|\bverificamos\b|\bconfer(?:ir|indo|ência)\b|\bchec(?:ar|agem|ando)\b|\bprova real\b|\btirar a prova\b"
    r"|\bkiểm (?:tra|chứng|nghiệm)\b|\bthử lại\b|\bxác minh\b",
    re.I,
)
_SETTLES = re.compile(
    r"\b(?:correct|incorrect|consistent|inconsistent|satisfied|satisf(?:y|ies)|confirm(?:s|ed|ing)|verified|valid|invalid|makes sense|holds|true|reasonable|match(?:es)?|right|wrong)\b"
    r"|\b(?:corret[ao]|cert[ao]|confere|confirma|satisfaz|coerente|razoável)\b|\b(?:đúng|chính xác|hợp lý|hợp lí|phù hợp|thỏa mãn|thoả mãn)\b",
    re.I,
)
_VERDICT = re.compile(
    r"^\W*(?:(?:so|thus|therefore|hence|yes|then)\b[,\ ]*)?(?:(?:that|this|it)(?:'s|\ is)\ )?(?:correct|right|true|ok|okay|good|great|perfect|wrong|incorrect|not\ correct|error found)\b[.!]*$"
    r"|^\W*(?:đúng|sai|chính xác|hợp lý|correto|certo|errado|confere)\b[.! ]*$",
    re.I,
)
_DEFINE = re.compile(
    r"^\W*(?:(?:first|now|next|then|also|and|so|here|to begin|to start|therefore|thus)\b[,\s]*)?(?:"
    r"(?:let(?!'s| us|s\b)|suppose|assume that|denote)\b(?![^.]{0,12}\bcalculat)|let(?:'s| us)\s+(?:denote|define|call|represent|assume\s+(?!there|that there))"
    r"|(?:we|i)\s+(?:can |will |'ll )?(?:let|denote|define|call)\b"
    r"|(?:giả sử|gọi|đặt|kí hiệu|ký hiệu)\b"
    r"|(?:seja|sejam|chame(?:mos)?|denote(?:mos)?|suponha(?:mos)?|considere)\b)",
    re.I,
)
_ASKED = re.compile(
    r"\b(?:we|i) (?:want|wish|are asked|'re asked|have been asked) (?:to|for)\b|\b(?:question|problem) (?:asks|is asking|wants|requires)\b|\bwe(?:'re| are) (?:looking for|given|told)\b"
    r"|\b(?:problem|question|text) (?:states|says|gives|tells|mentions|provides)\b|^\W*(?:given|asked|known|data)\b|\bđề bài\b|\btheo (?:đề|giả thiết)\b|\byêu cầu\b"
    r"|\b(?:o problema|o enunciado|a questão) (?:diz|afirma|informa|pede|pergunta|dá|quer)\b|\bqueremos\b|^\W*(?:dado|dados|pede-se)\b",
    re.I,
)
_VERBS = (
    r"(?:calculat|comput|determin|find|solv|figure|work out|identif|convert|multipl|add|sum|subtract|divid|count|compar|estimat|us(?:e|ing)\b|apply|need to know|"
    r"set up|break|follow|look|consider|account|combin|express|simplif|analy[sz]|start|begin|go through|proceed|understand|evaluat|isolat|"
    r"take|list|define|write|translate|factor|rearrange|plug|substitut|perform|sort|group|total|examin|establish|check|think)"
)
_PLAN = re.compile(
    rf"""
    ^\W*(?:in\ order\ )?to\ {_VERBS}[^.]*?\b(?:we|i|you|one|let)\b
    |\b(?:we|i|you)\s*(?:\ first|\ next|\ now|\ then|\ also|\ simply|\ just)*\s*(?:need\ to\ know|(?:need|have|must|should|will|can|'ll|are\ going|want)\s*(?:to\ )?(?:\w+ly\ |first\ |then\ |now\ |also\ |be\ )*{_VERBS})
    |\blet(?:'s|\ us|\ me|s)\s+(?:\w+ly\ |first\ |then\ |now\ |also\ |start\ by\ )*(?:{_VERBS}|do|go|try|work|move|approach|tackle|recall)
    |\bfollow(?:ing)?\ (?:these|the)\b[^.]*\bsteps?\b|\bstep[- ]by[- ]step\b|^\W*here(?:'s|\ is|\ are)\ (?:how|the\ (?:steps|solution|plan|reasoning))|\b(?:plan|goal|strategy|approach|idea)\ is\b
    |^\W*(?:(?:first|second|third|next|then|now|finally|lastly|after\ that|also|and|step\ \d+)\b[,:\s]*)?(?:we\ (?:first\ |then\ |now\ |next\ |also\ )?)?{_VERBS}
    |^\W*(?:para|a\ fim\ de)\s+(?:calcular|determinar|encontrar|descobrir|resolver|saber|achar|obter)
    |\b(?:precisamos|vamos|devemos|temos\ que|temos\ de|é\ preciso|basta|iremos|preciso|vou)\s+(?:primeiro\ |agora\ |então\ )?\w+[aei]r\b
    |^\W*(?:(?:primeiro|depois|em\ seguida|agora|então|por\ fim|a\ seguir|finalmente)\b[,:\s]*)?(?:calcul(?:ar|e|amos|aremos)|determin(?:ar|e|amos)|encontr(?:ar|e|amos)|som(?:ar|e|amos)|multipli(?:car|que|camos)|divid(?:ir|a|imos)|subtra(?:ir|ia|ímos)|us(?:ar|e|amos)|resolv(?:er|a|emos)|identifi(?:car|que)|ach(?:ar|e|amos)|compar(?:ar|e|amos)|aplic(?:ar|amos))\b
    |\bpasso\ a\ passo\b|\bseguir\ (?:estes|os\ seguintes)\ passos\b|\bo\ plano\b|\bsiga\b
    |^\W*(?:áp\ dụng|sử\ dụng|dùng|vận\ dụng|để\ (?:tính|tìm|giải|xác\ định|biết)|ta\ (?:cần|sẽ|phải|đi|áp\ dụng|sử\ dụng|dùng)|chúng\ ta\ (?:cần|sẽ|phải)|cần\ (?:tính|tìm|xác\ định)|tìm|tính|xác\ định|giải|lập|so\ sánh|cộng|trừ|nhân|chia)\b
    |^\W*(?:trước\ (?:tiên|hết)|đầu\ tiên|tiếp\ theo|sau\ đó|bây\ giờ|cuối\ cùng|bước\ \d+)[,:\s]*(?:ta\ |chúng\ ta\ |hãy\ |cần\ |sẽ\ |phải\ )*(?:tính|tìm|xác\ định|giải|áp\ dụng|sử\ dụng|lập|so\ sánh|cộng|trừ|nhân|chia|xét)\b
    """,
    re.I | re.X,
)
_CONCLUDE = re.compile(
    r"^\W*(?:and |but )?(?:therefore|thus|hence|so|consequently|accordingly|as a result|this means|that means|it follows|this gives|which means|in total|altogether|"
    r"portanto|logo|assim|então|por isso|desse modo|dessa forma|consequentemente|"
    r"vậy|do đó|suy ra|nên|vì vậy|vì thế|do vậy|khi đó|từ đó)\b|\\(?:Rightarrow|implies|Leftrightarrow)",
    re.I,
)
_FORMULA = re.compile(r"\b(?:formula|theorem|identity|definition|công thức|định lý|định lí|fórmula|teorema)\b", re.I)
_ASSUME = re.compile(r"\bassum(?:e|ing|ption)\b|\bsupos(?:to|ição)\b|\bassumindo\b|\bgiả định\b|\bapproximat", re.I)
_WORLD = re.compile(
    r"\b(?:there (?:are|is)|(?:a|an|one|each|every|1)\s+\w+\s+(?:has|have|is|equals|contains|consists of)|=|há|tem|uma?\s+\w+\s+(?:tem|são)|có|một \w+ (?:có|là|bằng))\b"
    r"[^.]*\b(?:seconds?|minutes?|hours?|days?|weeks?|months?|years?|dozens?|feet|foot|inch(?:es)?|yards?|miles?|cents?|pennies|quarters?|dimes?|nickels?|ounces?|pounds?|grams?|kilograms?|"
    r"meters?|metres?|kilometers?|centimeters?|liters?|quarts?|gallons?|pints?|cups?|degrees|decades?|centur(?:y|ies)|pairs?|"
    r"segundos?|minutos?|horas?|dias?|semanas?|meses|mês|anos?|dúzias?|centavos?|gramas?|metros?|quilômetros?|litros?|giây|phút|giờ|ngày|tuần|tháng|năm|tá)\b",
    re.I,
)
_WORD_RELATION = re.compile(
    r"\b(?:is|are|equals?)\b[^.]{0,80}\b(?:sum of|total of|difference between|product of|quotient of|plus|minus|multiplied by|divided by|times the)\b"
    r"|\bé\b[^.]{0,80}\b(?:a soma|a diferença|o produto|mais o|menos o|vezes o|dividido)\b|\blà\b[^.]{0,60}\b(?:tổng của|hiệu của|tích của|thương của)\b",
    re.I,
)


def announces_check(words: str) -> bool:
    """Whether the words (a heading or a lead-in) open a passage that checks what stands."""
    return bool(_OPENS_CHECK.search(words))


def settles_check(words: str) -> bool:
    """Whether the statement gives the verdict of a check, so that the passage ends with it."""
    return bool(_SETTLES.search(words))


def concludes(words: str) -> bool:
    """Whether the statement opens as a conclusion from what stands before it: therefore, logo, vậy."""
    return bool(_CONCLUDE.match(words))


def defines(words: str) -> bool:
    """Whether the statement introduces an unknown: "Let x be the cost"."""
    return bool(_DEFINE.match(words))


def classify(words: str, facts: Facts) -> Stage:
    """The stage of a statement, from its own words (headings and labels taken off) and the facts about it."""
    if _is_check(words, facts):
        return Stage.VERIFY
    if facts.closing:
        return Stage.EXECUTE
    if _DEFINE.match(words) and not (facts.computes and facts.numbers > 1):
        return Stage.UNDERSTAND
    if facts.computes:
        return _computing(words, facts)
    if _ASKED.search(words) and not facts.recalled and not _ASSUME.search(words):
        return Stage.UNDERSTAND
    if _ASSUME.search(words) and facts.numbers:
        return Stage.EXECUTE
    if facts.worded or (_PLAN.search(words) and (facts.given or not facts.numbers or facts.leads)):
        return Stage.PLAN
    return _telling(words, facts)


def _is_check(words: str, facts: Facts) -> bool:
    if not facts.stands or (facts.closing and not re.search(r"\bcheck|verif|confirm", words, re.I)):
        return False
    return facts.rechecks or facts.checking or bool(_CHECK.search(words)) or bool(_VERDICT.match(words))


def _computing(words: str, facts: Facts) -> Stage:
    """A statement with an equation or expression; facts of the world, what is asked and bare formulas do not execute."""
    if facts.unequal and _ASKED.search(words) and not concludes(words):
        return Stage.UNDERSTAND
    if not facts.numbers and _FORMULA.search(words) and _PLAN.search(words):
        return Stage.PLAN
    if _WORLD.search(words) and facts.numbers == 1 and not concludes(words) and not facts.recalled:
        return Stage.UNDERSTAND
    return Stage.EXECUTE


def _telling(words: str, facts: Facts) -> Stage:
    """A statement without an operation: does it tell what the problem says, or what follows from it?"""
    if facts.leads and not facts.numbers:
        return Stage.PLAN
    if facts.recalled:
        return Stage.EXECUTE
    if facts.numbers and not facts.given:
        return Stage.UNDERSTAND if _WORLD.search(words) and not concludes(words) else Stage.EXECUTE
    if concludes(words):
        return Stage.EXECUTE
    if facts.numbers:
        return Stage.UNDERSTAND
    if _WORD_RELATION.search(words):
        return Stage.PLAN
    return Stage.UNDERSTAND if facts.restates else Stage.EXECUTE
