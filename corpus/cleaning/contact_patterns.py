"""The shapes of contacts in Chinese text, for ``contacts``.

Every repetition is bounded or excludes what may follow it, so that each pattern is linear.
"""

from __future__ import annotations

import re

_HAN = r"[\u4e00-\u9fff]"

# The common surnames of mainland China; the rare ones that are everyday words (和, 员, 能) are
# left out: a name missed at a label is taken with the label's number, a word eaten is lost.
_SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏"
    "薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常"
    "武乔贺赖龚文庞樊兰殷施陶洪翟安颜倪严牛温芦季俞章鲁葛伍韦申尤毕聂焦向柳邢路岳齐梅莫庄辛管祝左涂"
    "谷祁时舒耿牟卜詹关苗凌费纪靳盛童欧甄项曲成游阳裴席卫查屈鲍位覃霍翁隋植甘景薄单包司柏宁柯阮桂闵"
    "解强柴华车冉房边辜吉饶刁瞿戚丘古米池滕晋苑邬臧畅宫全褚廉简娄盖符奚木穆党燕郎邸冀谈姬屠连郜晏栾"
    "郁商蒙计喻揭窦迟宇敖糜鄢冷卓花仇艾蓝都巩稽井练仲乐虞卞封竺冼官衣楚佟栗匡宗应台巫鞠桑荆银沙胥蔺"
)
_COMPOUND = "欧阳|司马|上官|诸葛|司徒|慕容|皇甫|尉迟|公孙|夏侯|东方|令狐|宇文|长孙"
_SURNAME = rf"(?:{_COMPOUND}|[{_SURNAMES}])"
_TITLE = (
    r"(?:总工程师|总经理|副总|工程师|高工|教授|研究员|老师|经理|主任|主管|先生|女士|小姐|博士"
    r"|部长|科长|处长|厂长|院长|所长|书记|秘书|师傅|董事长|助理|同志|工|总|董)"
)
_TITLED = rf"{_SURNAME}{_HAN}{{0,2}}?{_TITLE}"
_GIVEN = rf"{_SURNAME}[\u4e00-\u9fff·]{{1,3}}?"
_LATIN_NAME = r"[A-Z][A-Za-z]{1,14}(?: [A-Z][a-z]{1,14}){0,2}"
_BORDER = (
    r"(?=[\s,，。;；、:：/|)）(（\]】\d+＋<>@]|电话|手机|联系|邮箱|[Ee]-?mail|Tel|QQ|微信|固话|$)"
)
_NAME = rf"(?:{_TITLED}|{_GIVEN}{_BORDER}|{_SURNAME}[某×XxＸ*]{{1,2}}|{_LATIN_NAME}(?![A-Za-z]))"

_PERSON_LABEL = (
    r"(?:(?:项目|企业|技术|单位|业务|商务|需求|成果|对接|学校|公司)?"
    r"(?:联系人员?|联络人|对接人|联系老师|联系教师|联系专家))"
)
_NOT_LATIN = r"(?<![A-Za-z])"
_PHONE_LABEL = (
    r"(?:(?:联系|咨询|服务|办公|固定|移动|业务|手机|热线|单位|企业|公司)?"
    r"(?:电话|手机|热线|座机|固话|传真)(?:号码?)?|(?:手机|电话)?联系(?:方式|方法)"
    rf"|{_NOT_LATIN}(?:(?:Tel|TEL|tel)(?:ephone)?|Phone|Mobile|Mob|Cell|Fax|FAX)\.?)"
)
_MAIL_LABEL = (
    r"(?:(?:联系|电子|企业|工作)?(?:邮箱|邮件|信箱)(?:地址)?"
    rf"|{_NOT_LATIN}[Ee]?-?(?:[Mm]ail|MAIL)(?:地址)?)"
)
_CHAT_LABEL = (
    rf"(?:(?:联系|工作|企业)?(?:{_NOT_LATIN}(?:QQ|qq|VX|vx|[Ww]e[Cc]hat)|微信|V信|钉钉)"
    r"(?:群|公众号)?(?:号码?|账号|ID)?)"
)
_REMARK = r"(?:[（(][^()（）\d]{0,12}[)）])?"
_LINK = r"\s{0,4}(?:[:：]|为|是)?\s{0,4}"
_COLON = r"\s{0,4}[:：]\s{0,4}"

_DASH = r"[-－–—‐‑ \u00a0.·]"
_HYPHEN = r"\s?[-－—–]{1,2}\s?"
# What makes digits part of something else: a number, a formula, a standard, a version.
_NOT_BEFORE = r"(?<![\dA-Za-z./#＃±~～×*^=-])(?<!\d[,，])"
_UNIT = (
    r"次|个|吨|元|万|亿|年|月|台|套|件|小时|分钟|秒|天|米|公里|千米|克|公斤|千克|升|毫|微|纳|兆|赫|度|倍"
    r"|条|只|块|张|亩|公顷|平方|立方|人|户|转(?!\s?\d)|字|行|页|以上|以下|以内|左右"
)
_NOT_AFTER = rf"(?![\dA-Za-z％%‰°℃Ω]|[.,-]\d|\s{{0,2}}(?:{_UNIT}))"
_CHINA = rf"(?:(?:[+＋]|00)?86{_DASH}{{0,2}})?"
_MOBILE = (
    rf"{_CHINA}1[3-9]\d(?:{_DASH}?\d{{4}}){{2}}"
    rf"|{_CHINA}1[3-9]\d{{2}}{_DASH}\d{{3}}{_DASH}\d{{4}}"
    rf"|{_CHINA}1[3-9]\d{_DASH}\d{{3}}{_DASH}\d{{5}}"
)
_EXTENSION = r"(?:\s?(?:转|分机|ext\.?|[-－—])\s?\d{1,6}(?!\d))?"
_LOCAL = r"(?:[1-9]\d{6,7}|[1-9]\d{2,3}[- ]\d{4})"
_AREA = rf"(?:(?:(?:[+＋]|00)86[-－ ]?)?(?:[(（]0?\d{{2,3}}[)）][-－ ]?|0\d{{2,3}}{_HYPHEN})"
_AREA += rf"|(?:[+＋]|00)86[-－ ]?[1-9]\d{{1,2}}{_HYPHEN}|0\d{{2,3}} )"
_LANDLINE = rf"{_AREA}{_LOCAL}{_EXTENSION}(?:[/、][1-9]\d{{6,7}}(?!\d))?"
_SERVICE = (
    r"[48]00(?:[-－ ]\d{3}[-－ ]?\d{4}|[-－ ]?\d{4}[-－ ]\d{3}|[-－ ]?\d{3}[-－ ]\d{4}|[-－ ]\d{7})"
)
_ABROAD = (
    r"(?:[+＋]|(?<!\d)00)(?:8[1245]\d?|[1-7]\d{0,2}|9\d{1,2})[-. ]?"
    r"(?:\(0?\d{1,4}\)[-. ]?)?\d{1,4}(?:[-. ]\d{2,4}){1,4}"
    r"|(?:[+＋]|(?<!\d)00)8[12][- ]?(?:\(0\)[- ]?)?\d{8,11}"
    r"|0\d{1,3}-\d{3,4}-\d{4}"
)
PHONE = re.compile(rf"{_NOT_BEFORE}(?:{_MOBILE}|{_ABROAD}|{_LANDLINE}|{_SERVICE}){_NOT_AFTER}")
ANY_NUMBER = re.compile(
    r"[+＋]?[(（]?\d(?:[-－—–()（） .]?\d){5,15}(?!\d)(?:\s?(?:转|分机|ext\.?)\s?\d{1,6})?"
)
_BETWEEN_NUMBERS = r"\s{0,2}(?:[/、,，;；或]|\s)\s{0,2}"
LABELLED_PHONE = re.compile(
    rf"{_PHONE_LABEL}{_REMARK}{_LINK}(?P<numbers>{ANY_NUMBER.pattern}"
    rf"(?:{_BETWEEN_NUMBERS}{ANY_NUMBER.pattern}){{0,3}})(?!\s{{0,2}}(?:万|亿|个|台|部|套|元|次))"
)
MAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9_%+-][A-Za-z0-9._%+-]{0,63}@"
    r"(?:[A-Za-z0-9][A-Za-z0-9-]{0,62}\.){1,5}[A-Za-z]{2,12}(?![A-Za-z])"
)
CHAT = re.compile(
    rf"(?P<label>{_CHAT_LABEL})(?:{_COLON}|(?<=号){_LINK}|\s{{0,2}}(?=\d{{6,11}}(?!\d)))"
    r"(?P<value>\d{5,12}(?![\dA-Za-z])|[A-Za-z][-_A-Za-z0-9]{5,19}(?![-_A-Za-z0-9]))"
)
IDENTITY = re.compile(rf"(?P<label>身份证(?:号码?)?){_LINK}(?P<value>\d{{17}}[\dXx])(?![\dA-Za-z])")
_GLUED_NAME = rf"(?={_TITLED}|{_SURNAME}{_HAN}{{1,2}}(?:电话|手机|[\d,，]))"
PERSON = re.compile(
    rf"{_PERSON_LABEL}(?:[及和/、]?(?:联系)?(?:电话|方式|手机))?"
    rf"(?:{_COLON}|\s{{1,4}}|为|是|{_GLUED_NAME})(?P<value>{_NAME}(?:[、/]{_NAME}){{0,3}})"
    r"(?:[（(](?:先生|女士|经理|老师)[)）])?"
)
# What every match of the patterns above holds.
MAY_BE_PHONE = re.compile(r"\d(?:\D{0,6}\d){5}|[+＋]\d")
ACCOUNTS = (
    (CHAT, ("QQ", "qq", "VX", "vx", "eChat", "echat", "微信", "V信", "钉钉")),
    (IDENTITY, ("身份证",)),
)
PERSON_SIGNS = ("联系", "联络人", "对接人")
MASK = re.compile(r"[<＜]?<(?:contact|phone|mobile|tel|e?mail|qq|wechat)>|<id>", re.I)

# These are searched for at the end of a short window before a contact.
LABEL_BEFORE = re.compile(
    rf"(?:{_PERSON_LABEL}|{_PHONE_LABEL}|{_MAIL_LABEL}|{_CHAT_LABEL}"
    r"|(?:(?:详情|有意者?|欢迎)请?|请)?(?:致电|来电|咨询|联系)|(?:项目|课题|合同|立项)?编号为?)"
    rf"{_REMARK}{_LINK}$"
)
INVITATION_BEFORE = re.compile(r"(?:(?:详情|有意者?|欢迎)请?|请)(?:与|向)?$")
# A comma between name and number is trusted only behind a title: 高炉，… is no person.
NAME_BEFORE = re.compile(
    rf"(?:^|(?<=[\s,，。;；:：、(（系]))(?P<value>{_TITLED}(?=[^\u4e00-\u9fff]*$)|{_SURNAME}{_HAN}{{1,2}})"
    rf"(?:{_LINK}|(?<=[工总董师理任授生士员长])\s?[,，]\s?)$"
)
NAME_AFTER = re.compile(
    rf"[\s,，]{{0,3}}(?:[（(]\s?(?P<bracketed>{_TITLED}|{_SURNAME}{_HAN}{{1,2}})\s?[)）]"
    rf"|(?P<titled>{_TITLED}){_BORDER}"
    rf"|(?<=\s)(?P<plain>{_SURNAME}{_HAN}{{1,2}})(?=[\s,，。;；]|$))"
)
SAME_NUMBER = re.compile(
    r"\s?(?:[（(]\s?[微信电话手机QQ]{0,6}同[号步微信]{0,3}\s?[)）]|微信同号|同微信)"
)
IDENTIFIER_BEFORE = re.compile(
    r"(?:编号|专利号|申请号|公开号|公告号|授权号|批准号|证书号|标准号|批号|项目号|课题号|登记号|文号|货号"
    r"|型号|序号|合同号|税号|代码|账号|卡号|注册号|准字|ZL|CN|编码|No\.?|NO\.?|GB/?T?|ISO|CAS)"
    r"[为是]?\s{0,2}[:：]?\s{0,2}(?:[A-Za-z]{1,4})?[（(]?$"
)
