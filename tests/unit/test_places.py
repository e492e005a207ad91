"""Counties and regions out of names and addresses. All names here are made up or public."""

from __future__ import annotations

import json
import time
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.places import county_of, region_of
from corpus.taxonomy import counties, regions

COUNTIES = [
    ("唐山路南某某线缆有限公司", "路南区"),
    ("唐山市路南区学院南路8号", "路南区"),
    ("路南区女织寨乡", "路南区"),
    ("唐山路北甲乙瓷业有限公司", "路北区"),
    ("河北省唐山市路北区建设北路101号", "路北区"),
    ("唐山路桥建设有限公司", ""),
    ("唐山铁路北站广场", ""),
    ("上海市虹口区唐山路北侧", ""),
    ("青岛市唐山路南段12号", ""),
    ("天津市建设路北区3号楼", ""),
    ("唐山古冶某某焦化有限公司", "古冶区"),
    ("古冶区范各庄镇", "古冶区"),
    ("古冶某某再生资源公司", "古冶区"),
    ("卑家店镇工业园", "古冶区"),
    ("唐山开平某某铸造厂", "开平区"),
    ("唐山市开平区现代装备制造工业区", "开平区"),
    ("广东省开平市水口镇", ""),
    ("开平某某卫浴有限公司", ""),
    ("市场公开平区域竞争", ""),
    ("唐山丰南某某制管有限公司", "丰南区"),
    ("丰南沿海某某供水有限公司", "丰南区"),
    ("丰南市胥各庄镇", "丰南区"),
    ("河北唐山丰南经济开发区", "丰南区"),
    ("唐山丰润某某有限公司", "丰润区"),
    ("河北丰润某某农机厂", "丰润区"),
    ("丰润县七树庄镇", "丰润区"),
    ("皮肤丰润护理用品厂", ""),
    ("广州丰润生物科技有限公司", ""),
    ("丰润生物科技有限公司", ""),
    ("曹妃甸恒某矿石码头有限公司", "曹妃甸区"),
    ("唐山曹妃甸工业区某某钢铁", "曹妃甸区"),
    ("曹妃甸综保区跨境贸易公司", "曹妃甸区"),
    ("唐海县第四农场", "曹妃甸区"),
    ("唐山市南堡经济技术开发区希望路", "曹妃甸区"),
    ("中国(河北)自由贸易试验区曹妃甸片区", "曹妃甸区"),
    ("遵化市某某水泥有限公司", "遵化市"),
    ("遵化某某食品厂", "遵化市"),
    ("唐山市遵化市马兰峪镇", "遵化市"),
    ("遵化学反应规律研究所", ""),
    ("唐山市迁安市经济开发区", "迁安市"),
    ("迁安市某某公司", "迁安市"),
    ("杨店子镇滨河村", "迁安市"),
    ("唐山遷安某某鋼鐵有限公司", "迁安市"),
    ("某某县搬迁安置工程公司", ""),
    ("天津拆迁安置服务中心", ""),
    ("滦州市某某玻璃容器公司", "滦州市"),
    ("滦县某某花生专业合作社", "滦州市"),
    ("河北省滦县雷庄镇", "滦州市"),
    ("滦南县倴城镇友谊路", "滦南县"),
    ("唐山滦南某某奶业", "滦南县"),
    ("唐山市滦南县扒齿港镇", "滦南县"),
    ("乐亭蓝某集装箱码头有限公司", "乐亭县"),
    ("樂亭縣某某水產", "乐亭县"),
    ("音乐亭文化传播公司", ""),
    ("快乐亭餐饮店", ""),
    ("迁西县某某板栗合作社", "迁西县"),
    ("三屯营镇某某铁选厂", "迁西县"),
    ("唐山迁西某某油品公司", "迁西县"),
    ("玉田县鸦鸿桥镇", "玉田县"),
    ("河北玉田某某印机厂", "玉田县"),
    ("福州市长乐区玉田镇", ""),
    ("玉田珠宝店", ""),
    ("唐山高新技术产业开发区建设北路", "高新技术产业开发区"),
    ("唐山市高新区大庆道", "高新技术产业开发区"),
    ("唐山市路北区高新区庆丰道", "高新技术产业开发区"),
    ("唐山高新材料有限公司", ""),
    ("石家庄高新区长江大道", ""),
    ("唐山海港经济开发区港福街", "海港经济开发区"),
    ("唐山海港开发区某某物流", "海港经济开发区"),
    ("乐亭县唐山海港经济开发区", "海港经济开发区"),
    ("京唐港某某煤炭码头公司", "海港经济开发区"),
    ("秦皇岛海港经济开发区", ""),
    ("芦台经济开发区某某家具厂", "芦台经济开发区"),
    ("唐山市芦台开发区", "芦台经济开发区"),
    ("天津市宁河区芦台镇", ""),
    ("芦台某某商店", ""),
    ("唐山汉沽某某农业公司", "汉沽管理区"),
    ("唐山市汉沽管理区兴业大街", "汉沽管理区"),
    ("天津市滨海新区汉沽", ""),
    ("汉沽盐场", ""),
    ("天津市汉沽区某某化工", ""),
    ("ＴＳ唐山市　丰润区　厂前路", "丰润区"),
    ("迁安市、遵化市联合商会", ""),
    ("唐山某某有限公司", ""),
    ("", ""),
]

REGIONS = [
    ("清华大学", "北京"),
    ("北京大学", "北京"),
    ("中国科学院过程工程研究所", "北京"),
    ("中科院电工研究所", "北京"),
    ("中国农业科学院作物科学研究所", "北京"),
    ("钢铁研究总院", "北京"),
    ("首都师范大学", "北京"),
    ("中国石油大学（北京）", "北京"),
    ("Tsinghua University", "北京"),
    ("北京路桥某某公司", "北京"),
    ("中关村某某涂层研究所", "北京"),
    ("南开大学", "天津"),
    ("中国科学院天津工业生物技术研究所", "天津"),
    ("中国民航大学", "天津"),
    ("天津市河北区某某研究所", "天津"),
    ("天津市南开区北京路12号", "天津"),
    ("滨海新区某某膜研究院", "天津"),
    ("北京化工某某集团（天津）有限公司", "天津"),
    ("河北工业大学", "河北"),
    ("燕山大学", "河北"),
    ("石家庄铁道大学", "河北"),
    ("东北大学秦皇岛分校", "河北"),
    ("河北京津某某公司", "河北"),
    ("华北理工大学", "唐山"),
    ("唐山学院", "唐山"),
    ("唐山东方某某机械厂", "唐山"),
    ("北京交通大学唐山研究院", "唐山"),
    ("河北省唐山市某某研究院", "唐山"),
    ("迁安市某某技术中心", "唐山"),
    ("東京大学", "日本"),
    ("东京大学", "日本"),
    ("東京大學", "日本"),
    ("京都大学", "日本"),
    ("国立研究開発法人産業技術総合研究所", "日本"),
    ("产业技术综合研究所", "日本"),
    ("株式会社某某製作所", "日本"),
    ("しろかねセンサー研究所", "日本"),
    ("関東某某膜研究所", "日本"),
    ("University of Tokyo", "日本"),
    ("서울대학교", "韩国"),
    ("首尔大学", "韩国"),
    ("首爾大學", "韩国"),
    ("KAIST", "韩国"),
    ("POSTECH", "韩国"),
    ("㈜가나다테크", "韩国"),
    ("주식회사 가나다", "韩国"),
    ("浦项工科大学", "韩国"),
    ("连KAISTER牌", ""),
    ("上海交通大学", "其他"),
    ("浙江大学", "其他"),
    ("哈尔滨工业大学（威海）", "其他"),
    ("中国科学院沈阳自动化研究所", "其他"),
    ("东北大学", "其他"),
    ("武漢理工大學", "其他"),
    ("清华大学深圳国际研究生院", "其他"),
    ("北京化工大学常州先进材料研究院", "其他"),
    ("山东某某技术研究院", "其他"),
    ("海南大学", "其他"),
    ("東北大学", ""),
    ("中国石油大学", ""),
    ("京津某某创新中心", ""),
    ("渤海南岸某某站", ""),
    ("天津北京商会", ""),
    ("北京大学、唐山学院", ""),
    ("北京某某研究院与天津某某大学", ""),
    ("完美国际公司", ""),
    ("金属平衡水处理公司", ""),
    ("鲜の每日食品公司", ""),
    ("某某技术研究院", ""),
    ("", ""),
]


@pytest.mark.parametrize(("text", "county"), COUNTIES)
def test_the_county_is_recognised_or_left_open(text: str, county: str) -> None:
    assert county_of(text) == county


@pytest.mark.parametrize(("text", "region"), REGIONS)
def test_the_region_is_recognised_or_left_open(text: str, region: str) -> None:
    assert region_of(text) == region


def test_every_value_is_one_of_the_taxonomy_and_every_county_can_be_found() -> None:
    assert {county for _, county in COUNTIES} - {""} == set(counties())
    assert {region for _, region in REGIONS} - {""} == set(regions())


def test_several_texts_complete_or_contradict_each_other() -> None:
    assert county_of("唐山某某有限公司", "唐山市迁安市木厂口镇") == "迁安市"
    assert county_of("迁安市某某公司", "唐山市迁西县兴城镇") == ""
    assert county_of("乐亭某某公司", "唐山海港经济开发区海平路") == "海港经济开发区"
    assert region_of("某某研究院", "北京市海淀区") == "北京"
    assert region_of("天津某某公司", "北京市海淀区") == ""
    assert region_of("唐山某某公司", "河北省") == "唐山"
    assert county_of() == region_of() == ""


def test_a_county_beside_a_place_outside_tangshan_is_unsure() -> None:
    assert county_of("北京市朝阳区、迁安市联合体") == ""


def test_the_sample_corpus_is_recovered_where_the_name_carries_it() -> None:
    """No wrong answer; found wherever the name has more than 唐山 or a made-up word."""
    sample = resources.files("corpus.resources") / "sample"

    def rows(name: str) -> list[dict[str, str]]:
        return [json.loads(line) for line in (sample / name).read_text("utf-8").splitlines()]

    needs = [(r["organisation"], r["county"]) for r in rows("needs.jsonl")]
    given = {(county_of(name), county) for name, county in needs}
    assert {found for found, county in given if found not in ("", county)} == set()
    carried = [(n, c) for n, c in needs if c[:2] in n and not n.startswith("唐山湾")]
    assert len(carried) > 50
    assert all(county_of(name) == county for name, county in carried)
    assert all(region_of(name) == "唐山" for name, _ in needs)

    made = [(r["organisation"], r["region"]) for r in rows("achievements.jsonl")]
    assert all(region_of(name) in ("", region) for name, region in made)
    assert all(region_of(name) == region for name, region in made if region in name)
    assert sum(region_of(name) == region for name, region in made) / len(made) > 0.6


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_gives_a_value_of_the_taxonomy(one: str, other: str) -> None:
    assert county_of(one, other) in ("", *counties())
    assert region_of(one, other) in ("", *regions())
    assert county_of(one, other) == county_of(other, one)
    assert region_of(one, other) == region_of(other, one)


@pytest.mark.parametrize("unit", ["唐山路", "唐山市", "路北区", "(", "唐", "関", "の", "ａ́"])
def test_a_hostile_text_costs_no_more_than_its_beginning(unit: str) -> None:
    started = time.perf_counter()
    county_of(unit * 200_000)
    region_of(unit * 200_000)
    assert time.perf_counter() - started < 1.0
