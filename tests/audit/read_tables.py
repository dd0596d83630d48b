"""Reads a table in each of its formats with libraries of others, and prints what they make of it as JSON.

    read_tables.py FOLDER

FOLDER holds changes.csv, changes.jsonl, changes.parquet and changes.xlsx.
"""

import json
import sys
from datetime import datetime, timezone
from pathlib import Path

import duckdb
import openpyxl


def plain(value):
    """Returns a value as JSON has it; times in UTC."""
    if isinstance(value, datetime):
        aware = value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)
        return aware.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value


def read_with_duckdb(call, path):
    """Returns the types of the columns and the rows, as DuckDB finds them out."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    found = connection.sql(f"SELECT * FROM {call}(?)", params=[str(path)])
    types = dict(zip(found.columns, map(str, found.types)))
    return {"types": types, "rows": [[plain(value) for value in row] for row in found.fetchall()]}


def read_workbook(path):
    """Returns what a spreadsheet is told, beside the cells."""
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[1]
    rows = list(sheet.iter_rows())
    return {
        "sheets": book.sheetnames,
        "titles": [cell.value for cell in rows[0]],
        "rows": [[plain(cell.value) for cell in row] for row in rows[1:]],
        "kinds": [cell.data_type for cell in rows[1]],
        "time_format": rows[1][3].number_format,
        "frozen": sheet.freeze_panes,
        "filter": sheet.auto_filter.ref,
        "repeated": sheet.print_title_rows,
        "orientation": sheet.page_setup.orientation,
        "fit": [sheet.sheet_properties.pageSetUpPr.fitToPage, sheet.page_setup.fitToHeight],
        "footer": sheet.oddFooter.right.text,
        "created": plain(book.properties.created),
        "about": [[cell.value for cell in row] for row in book.worksheets[0].iter_rows()],
        "lists": [[str(one.sqref), one.formula1] for one in sheet.data_validations.dataValidation],
        "links": sum(len(one._hyperlinks) for one in book.worksheets),
    }


def read_parquet_notes(path):
    """Returns the facts that a Parquet file holds about itself."""
    found = duckdb.connect().execute("SELECT key, value FROM parquet_kv_metadata(?)", [str(path)])
    return {key.decode(): value.decode() for key, value in found.fetchall()}


def main():
    folder = Path(sys.argv[1])
    found = {"xlsx": read_workbook(folder / "changes.xlsx")}
    if (folder / "changes.parquet").exists():
        found["parquet"] = read_with_duckdb("read_parquet", folder / "changes.parquet")
        found["notes"] = read_parquet_notes(folder / "changes.parquet")
        found["csv"] = read_with_duckdb("read_csv", folder / "changes.csv")
        found["jsonl"] = read_with_duckdb("read_json", folder / "changes.jsonl")
    json.dump(found, sys.stdout)


main()
