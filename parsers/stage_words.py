"""The words by which statements tell their stage, in English, Portuguese and Vietnamese. All patterns read lower case.

The checks are a table of (stems, pattern): a pattern is tried only where one of its stems occurs, which is what keeps
the reading of long texts fast. A file of patterns: their rows read better unbroken.
"""
# ruff: noqa: E501

from __future__ import annotations

import re

_JUDGED = (
    r"(?:correct|right|wrong|incorrect|consistent|inconsistent|reasonable|unreasonable|plausible|implausible|valid|invalid|"
    r"satisfied|verified|confirmed|true|false|sensible|possible|impossible|too (?:large|big|small|high|low|many|few))\b"
)
_BEGIN = r"^\W*(?:(?:now|next|finally|first|then|so|and|but|also|to|step \d+:?)\b[,: ]*)?"
_WE = r"(?:let'?s|let me|we(?: can| should| must| will| need to)?|i(?: should| will|'ll| need to)?|to)? ?"
_JUDGES = (
    "orrect",
    "right",
    "wrong",
    "onsistent",
    "reasonab",
    "plausib",
    "valid",
    "satisf",
    "verif",
    "confirm",
    "true",
    "false",
    "sensib",
    "possible",
    "too ",
)

CHECKS: tuple[tuple[tuple[str, ...], re.Pattern[str]], ...] = tuple(
    (stems, re.compile(pattern))
    for stems, pattern in (
        (("check", "verif", "valid", "confirm"), r"\b(?:double[- ]?check|re-?check|sanity check|cross[- ]?check|verif(?:y|ies|ied|ying|ication)\b|validat(?:e|es|ing)\b)"
            rf"|{_BEGIN}{_WE}(?:quickly |just |also |now )?(?:check|confirm)(?:ing)?\b(?! out\b)|^\W*check\s*[:.!]|\bas a check\b|\bchecks out\b"
            r"|\b(?:this|which|that|it|these|calculations?|results?) (?:also )?confirms?\b|\bconfirming\b"),
        (("revers", "backward"), r"\bin reverse\b|\bwork(?:ing)? backwards?\b"),
        (("original", "starting", "given", "initial", "same", "what "), r"^(?![^:]*\bto (?:find|solve|get|determine|obtain)\b).*\b(?:plug|substitut|put)\w*\b[^.]{0,60}\b(?:into|in) the original\b(?![^.]{0,60}\bto (?:find|solve|get|determine|obtain)\b)"
            r"|\b(?:equals?|is equal to|is|gives?(?: us)?(?: back)?) (?:exactly |indeed )?(?:the (?:original|given|starting|initial|same) (?:number|total|amount|value|price|sum)s? (?:we|that|given|stated|in the problem)|what (?:we|the problem))"
            r"|\b(?:we|which) (?:gets?|gives?|recovers?|arrives? at|obtains?) (?:back )?the (?:original|starting|given)\b"),
        (_JUDGES, r"\b(?:answer|result|solution|calculation|value|total|number|work|sum|difference|product|equation|statement|condition)s? (?:is|are|was|were|seems?|looks?|must be) "
            rf"(?:therefore |indeed |thus |also |all |both |very |mathematically |not )*{_JUDGED}"
            rf"|^\W*(?:yes|no|indeed|so|then)?,? *[$€]?\d[\d.,]* (?:\w+ )?(?:is|are) (?:indeed |not |also )*{_JUDGED}"
            rf"|\b(?:this|that|it|which) (?:is|seems|looks|sounds|was) (?:indeed |also |clearly |perfectly |not |definitely )*{_JUDGED}"),
        (("sense",), r"\bmakes? (?:perfect |no |good )?sense\b|\bdo(?:es)?(?:n'?t| not) make sense\b"),
        (("match", "agree", "fit"), r"\b(?:which|this|that|it|and|both|result|answer|total|sum) (?:indeed |also |exactly )*(?:match(?:es)?|agrees?|does(?: not|n'?t) match|fits?)\b"),
        (("expected", "required", "stated", "desired", "hold", "met", "satisf"), r"\bas (?:expected|required|stated|desired)\b|\bholds? true\b|\bthis holds\b"
            r"|\b(?:conditions?|equations?|constraints?) (?:holds?|(?:is|are) (?:all |both |indeed )*(?:met|satisfied))\b"
            r"|\bsatisf(?:y|ies) (?:both|all|the (?:original|given|problem|conditions?|first condition|second condition|requirements?|constraints?))"),
        ((" be ",), r"\b(?:can(?:not|'t)|must|should|has to|have to) be (?:an? )?(?:integer|whole|positive|negative|even|odd|fraction(?:al)?|less than|greater than|more than|at (?:least|most)|smaller|larger)"),
        (("wait", "hm", "hold on", "oops", "actually", "no, ", "mistake", "error", "contradict", "can't be", "cant be", "not right", "evaluate", "reconsider"),
            r"^\W*(?:wait|hmm+|hold on|oops|actually,? (?:no|wait|let)|no, (?:that|wait|this))\b|\b(?:i|we) (?:made|have made) an? (?:mistake|error)"
            r"|\bthere(?:'s| is| was| must be) (?:an?|some) (?:mistake|error|contradiction)\b|\bthat can'?t be\b|\bthat(?:'s| is) not right\b"
            r"|\bcontradict\w*|\bre-?evaluate\b|\breconsider\b"),
        (("estimat", "close to"), r"\bestimat(?:e|ing|ion)\b[^.]{0,80}\b(?:close|near|about right|reasonable|agrees)|\bclose to (?:our|the) (?:answer|result|estimate)"),
        (("indeed", "✓", "✔", "✅"), r"\bindeed\b(?=[^.]{0,80}(?:\b(?:equal|is|are|times)\b|=))|[✓✔✅]"),
        (("side", "lhs"), r"\b(?:left|right)(?:-hand)? sides?\b[^.]{0,60}\b(?:equals?|same|match)|\blhs\b"),
        (("verif", "confer", "chec", "prova", "confirm", "sentido", "bate", "de volta"),
            r"\bverifica|\bconfer(?:e|ir|indo|imos|ência)\b|\bchec(?:ar|ando|agem|amos)\b|\bprova real\b|\btira(?:r|ndo) a prova\b"
            r"|\bconfirma(?:mos|ndo|r|do)?\b|\bfaz(?:em)? sentido\b|\bbatem? com\b|\bde volta na\b"),
        (("corret", "cert", "razoáve", "coerent", "errad", "consistent", "plausíve", "válid", "verdade", "confere"),
            r"\b(?:resposta|resultado|solução|conta|cálculo|valor|total|isso|o que|que) (?:está|é|parece) (?:realmente |de fato |portanto )?(?:corret|cert|razoáve|coerente|errad|consistente|plausíve|válid|incorret|verdade)"
            r"|^\W*(?:correto|certo|confere)\b"),
        (("substituindo", "satisfaz", "como ", "espere", "peraí"), r"\bsubstituindo\b[^.]{0,60}\b(?:na equação original|de volta|no problema|no enunciado)|\bsatisfaz(?:em)? (?:as|a|o|os|todas|ambas)\b"
            r"|\bcomo (?:esperado|queríamos|no enunciado)\b|\bespere\b|\bperaí\b"),
        (("kiểm", "thử", "xác minh", "đối chiếu", "thay", "khoan", "chờ", "đợi"), r"\bkiểm (?:tra|chứng|nghiệm)\b|\bthử lại\b|\bxác minh\b|\bđối chiếu\b"
            r"|\bthay (?:lại|ngược)\b|\bthay\b[^.]{0,60}\bvào (?:phương trình ban đầu|đề bài|đề)\b|^\W*(?:khoan|chờ đã|đợi đã)\b"),
        (("hợp l", "đúng", "chính xác", "sai", "vô lý", "phù hợp", "khớp"), r"(?:kết quả|đáp án|đáp số|lời giải|giá trị)(?: \d[\d.,]*)? (?:này |trên |tìm được )*(?:là )?(?:hợp l[ýí]|đúng|chính xác|sai|vô lý|phù hợp|khớp)"
            r"|\b(?:điều này|điều đó) (?:là )?(?:hợp l[ýí]|đúng|phù hợp|vô lý|khớp)|(?:đúng|khớp|phù hợp) (?:với|như) (?:đề|giả thiết|dữ kiện|bài toán|kết quả)"),
    )
)  # fmt: skip
OPENS_CHECK = re.compile(
    r"\b(?:double[- ]?check|cross[- ]?check|sanity check|verify|verifying|verification|validat(?:e|ing|ion))\b"
    r"|^\W*(?:(?:now|next|finally|then|so|and|but|also|step \d+:?)[, ]+)?(?:let'?s|let me|we(?: can| should| must| will| need to)?|i(?: should| will|'ll)?|to)? ?(?:quickly |just |also |now )?(?:check|confirm)(?:ing)?\b(?! (?:is|was|costs))"
    r"|^(?![^:]*\bto (?:find|solve|get|determine|obtain)\b).*\b(?:plug|substitut)\w*\b[^.]{0,60}\boriginal\b"
    r"|\bverifi(?:car|que|quemos|cação|cando)\b|\bverificamos\b|\bconfer(?:ir|indo|ência)\b|\bchec(?:ar|agem|ando)\b|\bprova real\b|\btirar a prova\b"
    r"|\bkiểm (?:tra|chứng|nghiệm)\b|\bthử lại\b|\bxác minh\b",
)
SETTLES = re.compile(
    r"\b(?:correct|incorrect|consistent|inconsistent|satisfied|satisf(?:y|ies)|confirm(?:s|ed|ing)|verified|valid|invalid|makes sense|holds|true|reasonable|match(?:es)?|right|wrong)\b"
    r"|\b(?:corret[ao]|cert[ao]|confere|confirma|satisfaz|coerente|razoável)\b|\b(?:đúng|chính xác|hợp lý|hợp lí|phù hợp|thỏa mãn|thoả mãn)\b",
)
VERDICT = re.compile(
    r"^\W*(?:(?:so|thus|therefore|hence|yes|then)\b[,\ ]*)?(?:(?:that|this|it)(?:'s|\ is)\ )?(?:correct|right|true|ok|okay|good|great|perfect|wrong|incorrect|not\ correct|error found)\b[.!]*$"
    r"|^\W*(?:đúng|sai|chính xác|hợp lý|correto|certo|errado|confere)\b[.! ]*$",
)
DEFINE = re.compile(
    r"^\W*(?:(?:first|now|next|then|also|and|so|here|to begin|to start|therefore|thus)\b[,\s]*)?(?:"
    r"(?:let(?!'s| us|s\b)|suppose|assume that|denote)\b(?![^.]{0,12}\bcalculat)|let(?:'s| us)\s+(?:denote|define|call|represent|assume\s+(?!there|that there))"
    r"|(?:we|i)\s+(?:can |will |'ll )?(?:let|denote|define|call)\b"
    r"|(?:giả sử|gọi|đặt|kí hiệu|ký hiệu)\b"
    r"|(?:seja|sejam|chame(?:mos)?|denote(?:mos)?|suponha(?:mos)?|considere)\b)",
)
ASKED = re.compile(
    r"\b(?:we|i) (?:want|wish|are asked|'re asked|have been asked) (?:to|for)\b|\b(?:question|problem) (?:asks|is asking|wants|requires)\b|\bwe(?:'re| are) (?:looking for|given|told)\b"
    r"|\b(?:problem|question|text) (?:states|says|gives|tells|mentions|provides)\b|^\W*(?:given|asked|known|data)\b|\bđề bài\b|\btheo (?:đề|giả thiết)\b|\byêu cầu\b"
    r"|\b(?:o problema|o enunciado|a questão) (?:diz|afirma|informa|pede|pergunta|dá|quer)\b|\bqueremos\b|^\W*(?:dado|dados|pede-se)\b",
)
VERBS = (
    r"(?:calculat|comput|determin|find|solv|figure|work out|identif|convert|multipl|add|sum|subtract|divid|count|compar|estimat|us(?:e|ing)\b|apply|need to know|"
    r"set up|break|follow|look|consider|account|combin|express|simplif|analy[sz]|start|begin|go through|proceed|understand|evaluat|isolat|"
    r"take|list|define|write|translate|factor|rearrange|plug|substitut|perform|sort|group|total|examin|establish|check|think)"
)
PLAN = re.compile(
    rf"""
    ^\W*(?:in\ order\ )?to\ {VERBS}[^.]*?\b(?:we|i|you|one|let)\b
    |\b(?:we|i|you)\s*(?:\ first|\ next|\ now|\ then|\ also|\ simply|\ just)*\s*(?:need\ to\ know|(?:need|have|must|should|will|can|'ll|are\ going|want)\s*(?:to\ )?(?:\w+ly\ |first\ |then\ |now\ |also\ |be\ )*{VERBS})
    |\blet(?:'s|\ us|\ me|s)\s+(?:\w+ly\ |first\ |then\ |now\ |also\ |start\ by\ )*(?:{VERBS}|do|go|try|work|move|approach|tackle|recall)
    |\bfollow(?:ing)?\ (?:these|the)\b[^.]*\bsteps?\b|\bstep[- ]by[- ]step\b|^\W*here(?:'s|\ is|\ are)\ (?:how|the\ (?:steps|solution|plan|reasoning))|\b(?:plan|goal|strategy|approach|idea)\ is\ to\ {VERBS}
    |^\W*(?:(?:first|second|third|next|then|now|finally|lastly|after\ that|also|and|step\ \d+)\b[,:\s]*)?(?:we\ (?:first\ |then\ |now\ |next\ |also\ )?)?{VERBS}
    |^\W*(?:para|a\ fim\ de)\s+(?:calcular|determinar|encontrar|descobrir|resolver|saber|achar|obter)
    |\b(?:precisamos|vamos|devemos|temos\ que|temos\ de|é\ preciso|basta|iremos|preciso|vou)\s+(?:primeiro\ |agora\ |então\ )?\w+[aei]r\b
    |^\W*(?:(?:primeiro|depois|em\ seguida|agora|então|por\ fim|a\ seguir|finalmente)\b[,:\s]*)?(?:calcul(?:ar|e|amos|aremos)|determin(?:ar|e|amos)|encontr(?:ar|e|amos)|som(?:ar|e|amos)|multipli(?:car|que|camos)|divid(?:ir|a|imos)|subtra(?:ir|ia|ímos)|us(?:ar|e|amos)|resolv(?:er|a|emos)|identifi(?:car|que)|ach(?:ar|e|amos)|compar(?:ar|e|amos)|aplic(?:ar|amos))\b
    |\bpasso\ a\ passo\b|\bseguir\ (?:estes|os\ seguintes)\ passos\b|\bo\ plano\b|\bsiga\b
    |^\W*(?:áp\ dụng|sử\ dụng|dùng|vận\ dụng|để\ (?:tính|tìm|giải|xác\ định|biết)|ta\ (?:cần|sẽ|phải|đi|áp\ dụng|sử\ dụng|dùng)|chúng\ ta\ (?:cần|sẽ|phải)|cần\ (?:tính|tìm|xác\ định)|tìm|tính|xác\ định|giải|lập|so\ sánh|cộng|trừ|nhân|chia)\b
    |^\W*(?:trước\ (?:tiên|hết)|đầu\ tiên|tiếp\ theo|sau\ đó|bây\ giờ|cuối\ cùng|bước\ \d+)[,:\s]*(?:ta\ |chúng\ ta\ |hãy\ |cần\ |sẽ\ |phải\ )*(?:tính|tìm|xác\ định|giải|áp\ dụng|sử\ dụng|lập|so\ sánh|cộng|trừ|nhân|chia|xét)\b
    """,
    re.X,
)
STRONG_PLAN = re.compile(
    rf"^\W*(?:in order )?to {VERBS}[^.]*?\b(?:we|i|you) (?:need|can|will|must|should|have)\b|\bfollow(?:ing)? (?:these|the)\b[^.]*\bsteps?\b"
    r"|\bstep[- ]by[- ]step\b|\bbreak (?:it|this|the \w+) (?:problem )?down\b|^\W*para (?:calcular|determinar|encontrar|descobrir|resolver|saber)[^.]*\b(?:precisamos|vamos|devemos)\b"
    r"|^\W*để (?:tính|tìm|giải|xác định)[^.]*\bta (?:cần|sẽ|phải)\b"
)
"""Announcements of a method, whatever numbers stand in them."""
CONCLUDE = re.compile(
    r"^\W*(?:and |but )?(?:therefore|thus|hence|so|consequently|accordingly|as a result|this means|that means|it follows|this gives|which means|in total|altogether|"
    r"portanto|logo|assim|então|por isso|desse modo|dessa forma|consequentemente|"
    r"vậy|do đó|suy ra|nên|vì vậy|vì thế|do vậy|khi đó|từ đó)\b|\\(?:rightarrow|implies|leftrightarrow)",
)
FORMULA = re.compile(r"\b(?:formula|theorem|identity|definition|công thức|định lý|định lí|fórmula|teorema)\b")
ASSUME = re.compile(r"\bassum(?:e|ing|ption)\b|\bsupos(?:to|ição)\b|\bassumindo\b|\bgiả định\b|\bapproximat")
WORLD = re.compile(
    r"\b(?:there (?:are|is)|(?:a|an|one|each|every|1)\s+\w+\s+(?:has|have|is|equals|contains|consists of)|=|há|tem|uma?\s+\w+\s+(?:tem|são)|có|một \w+ (?:có|là|bằng))\b"
    r"[^.]*\b(?:seconds?|minutes?|hours?|days?|weeks?|months?|years?|dozens?|feet|foot|inch(?:es)?|yards?|miles?|cents?|pennies|quarters?|dimes?|nickels?|ounces?|pounds?|grams?|kilograms?|"
    r"meters?|metres?|kilometers?|centimeters?|liters?|quarts?|gallons?|pints?|cups?|degrees|decades?|centur(?:y|ies)|pairs?|"
    r"segundos?|minutos?|horas?|dias?|semanas?|meses|mês|anos?|dúzias?|centavos?|gramas?|metros?|quilômetros?|litros?|giây|phút|giờ|ngày|tuần|tháng|năm|tá)\b"
    r"|\b(?:one|an?|1|uma?|một) (?:dozen|pair|hour|day|week|month|year|foot|yard|mile|dollar|pound|dúzia|hora|dia|semana|ano|tá|giờ|ngày|tuần|năm)\b[^.]{0,12}(?:=|\b(?:is|has|equals|tem|é|là|có)\b)",
)
WORD_RELATION = re.compile(
    r"\b(?:is|are|equals?)\b[^.]{0,80}\b(?:sum of|total of|difference between|product of|quotient of|plus|minus|multiplied by|divided by|times the)\b"
    r"|\bé\b[^.]{0,80}\b(?:a soma|a diferença|o produto|mais o|menos o|vezes o|dividido)\b|\blà\b[^.]{0,60}\b(?:tổng của|hiệu của|tích của|thương của)\b",
)
CLOSING = re.compile(
    r"\\boxed|####|\b(?:answer(?: is|:)|resposta(?: final)?(?: é|:)|(?:đáp án|đáp số)(?: là|:))"
    r"[\s:*]*(?:[-−$\\\d(]|[A-E]\b)|\bchọn (?:đáp án )?[A-D]\b",
    re.I,
)
"""A statement that gives the final answer; reads the text as written, in any case."""
