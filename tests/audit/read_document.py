"""Reads a procedure with python-docx, and prints what it makes of it as JSON.

    read_document.py FILE.docx
"""

import json
import sys

import docx

WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def main():
    document = docx.Document(sys.argv[1])
    section = document.sections[0]
    footer = section.footer.paragraphs[0]._p
    json.dump(
        {
            "title": document.core_properties.title,
            "created": document.core_properties.created.isoformat(),
            "paragraphs": [[one.style.name, one.text] for one in document.paragraphs],
            "tables": [[[cell.text for cell in row.cells] for row in table.rows] for table in document.tables],
            # The rows that are repeated on each page.
            "header_rows": [
                [index for index, row in enumerate(table.rows) if row._tr.find(f".//{WORD}tblHeader") is not None]
                for table in document.tables
            ],
            "outline": sorted({
                (one.style.name, one.style._element.find(f".//{WORD}outlineLvl").get(f"{WORD}val"))
                for one in document.paragraphs
                if one.style.name.startswith("Heading")
            }),
            "page": [round(section.page_width.mm), round(section.page_height.mm)],
            "fields": [one.get(f"{WORD}instr").strip() for one in footer.iter(f"{WORD}fldSimple")],
        },
        sys.stdout,
    )


main()
