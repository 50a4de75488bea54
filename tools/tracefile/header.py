# SPDX-License-Identifier: MIT
"""The numbers of lib/trace_record.h and lib/memory_words.h, read from these files themselves, so
that tools and kernel can not disagree about them."""
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HEADERS = ["lib/trace_record.h", "lib/memory_words.h"]


def _enumerators(body):
    value = -1
    for name, given in re.findall(r"(\w+)(?:\s*=\s*(\w+))?\s*(?:,|$)", body):
        if given.isdigit():
            value = int(given)
        elif not given:
            value += 1
        yield name, value


def read_enums():
    """{enum name: {enumerator: value}}"""
    enums = {}
    for header in HEADERS:
        with open(os.path.join(ROOT, header), encoding="ascii") as file:
            text = re.sub(r"//[^\n]*", "", file.read())
        for name, body in re.findall(r"enum (\w+) \{(.*?)\}", text, re.S):
            enums[name] = dict(_enumerators(body.strip()))
    return enums


ENUMS = read_enums()
EVENTS = {name[len("TRACE_"):]: value for name, value in ENUMS["trace_event"].items()}
NAMES = {name[len("TRACE_NAME_"):]: value for name, value in ENUMS["trace_name"].items()}
HEAP = {name[len("TRACE_HEAP_"):]: value for name, value in ENUMS["trace_heap_operation"].items()}
RESULTS = {value: name[len("FAULT_"):].lower().replace("_", "-")
           for name, value in ENUMS["fault_result"].items()
           if name not in ("FAULT_LAST_RESOLVED", "FAULT_RESULT_COUNT")}
KINDS = {value: name[len("FRAME_"):].lower().replace("_", "-")
         for name, value in ENUMS["frame_kind"].items() if name != "FRAME_KIND_COUNT"}
VMA_KINDS = {value: name[len("TRACE_VMA_"):].lower()
             for name, value in ENUMS["trace_vma_kind"].items()}
VMA_CHANGES = {value: name[len("TRACE_VMA_"):].lower()
               for name, value in ENUMS["trace_vma_change"].items()}
EVENT_NAMES = {value: name for name, value in EVENTS.items()}
IN_COPY = 1 << 32  # TRACE_FAULT_IN_COPY
