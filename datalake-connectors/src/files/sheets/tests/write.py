"""Writes workbooks as other programs do: with openpyxl, XlsxWriter and odfpy."""

import datetime as d
import pathlib
import sys

import openpyxl
import xlsxwriter
from odf import number, opendocument, style, table, text
from openpyxl.utils.datetime import CALENDAR_MAC_1904

folder = pathlib.Path(sys.argv[1])

HEADER = ["id", "name", "price", "share", "day", "moment", "time", "elapsed", "flag", "code", "total", "wrong", None, "name"]
ROWS = [
    [1, "Apple", 0.1, 0.25, d.date(2024, 1, 31), d.datetime(2024, 1, 31, 12, 34, 56), d.time(18, 5), 1.0625, True, "007", 3.5, 1],
    [2, "  Bün & \"Co\"\n<x>", 1234567.891, 1, d.date(1999, 12, 31), d.datetime(2024, 2, 29), d.time(0, 0), 0.5, False, "1e5", 0, 0],
    [3, None, -0.005, 0.333, d.date(2100, 3, 1), d.datetime(1950, 6, 1, 0, 0, 1), d.time(23, 59, 59), 40, None, "TRUE", -7, 1],
]
FORMATS = {
    2: "#,##0.00 [$€-407]",
    3: "0.0%",
    4: "yyyy-mm-dd",
    5: "yyyy-mm-dd hh:mm:ss",
    6: "hh:mm:ss",
    7: "[h]:mm:ss",
}


def with_openpyxl(path, epoch_1904):
    book = openpyxl.Workbook()
    if epoch_1904:
        book.epoch = CALENDAR_MAC_1904
    sheet = book.active
    sheet.title = "Data"
    sheet.append(HEADER)
    for values in ROWS:
        values = list(values)
        values[10] = f"=A{sheet.max_row + 1}*2"
        values[11] = "=1/0" if values[11] else "=NA()"
        sheet.append(values)
        for column, code in FORMATS.items():
            sheet.cell(sheet.max_row, column + 1).number_format = code
        sheet.cell(sheet.max_row, 10).number_format = "@"
    sheet.merge_cells("A6:C6")
    sheet["A6"] = "merged"
    sheet["B7"] = 7
    sheet["N2"] = "beside"
    other = book.create_sheet("Other sheet")
    other["B3"] = "x"
    other["C3"] = "y"
    other["B4"] = 1
    other["C5"] = 2
    hidden = book.create_sheet("Hidden")
    hidden["A1"] = "secret"
    hidden.sheet_state = "hidden"
    book.save(path)


def with_xlsxwriter(path, options):
    book = xlsxwriter.Workbook(path, options)
    sheet = book.add_worksheet("Data")
    formats = {column: book.add_format({"num_format": code}) for column, code in FORMATS.items()}
    for column, name in enumerate(HEADER):
        sheet.write(0, column, name)
    for row, values in enumerate(ROWS, 1):
        for column, value in enumerate(values):
            if column == 10:
                sheet.write_formula(row, column, f"=A{row + 1}*2", None, values[0] * 2)
            elif column == 11:
                sheet.write_formula(row, column, "=1/0" if value else "=NA()", None, "#DIV/0!" if value else "#N/A")
            elif isinstance(value, str):
                sheet.write_string(row, column, value)
            elif value is not None:
                sheet.write(row, column, value, formats.get(column))
    sheet.merge_range("A6:C6", "merged")
    sheet.write_rich_string("A7", "rich ", book.add_format({"bold": True}), "text")
    sheet.write("N2", "beside")
    book.add_worksheet("Other sheet").write("B3", "alone")
    hidden = book.add_worksheet("Hidden")
    hidden.write("A1", "secret")
    hidden.hide()
    book.close()


def with_odfpy(path):
    book = opendocument.OpenDocumentSpreadsheet()
    day = number.DateStyle(name="N1")
    for part in (number.Year(style="long"), number.Text(text="-"), number.Month(style="long"), number.Text(text="-"), number.Day(style="long")):
        day.addElement(part)
    clock = number.TimeStyle(name="N2")
    for part in (number.Hours(style="long"), number.Text(text=":"), number.Minutes(style="long"), number.Text(text=":"), number.Seconds(style="long")):
        clock.addElement(part)
    moment = number.DateStyle(name="N3")
    for part in (number.Year(style="long"), number.Text(text="-"), number.Month(style="long"), number.Text(text="-"), number.Day(style="long"), number.Text(text=" "), number.Hours(style="long"), number.Text(text=":"), number.Minutes(style="long"), number.Text(text=":"), number.Seconds(style="long")):
        moment.addElement(part)
    styles = {}
    for name, data in (("day", day), ("clock", clock), ("moment", moment)):
        book.automaticstyles.addElement(data)
        styles[name] = style.Style(name=name, family="table-cell", datastylename=data)
        book.automaticstyles.addElement(styles[name])
    sheet = table.Table(name="Data")
    book.spreadsheet.addElement(sheet)

    def cell(row, value):
        if value is None:
            row.addElement(table.TableCell())
            return
        if isinstance(value, bool):
            made = table.TableCell(valuetype="boolean", booleanvalue=str(value).lower())
        elif isinstance(value, (int, float)):
            made = table.TableCell(valuetype="float", value=value)
        elif isinstance(value, d.datetime):
            made = table.TableCell(valuetype="date", datevalue=value.isoformat(), stylename=styles["moment"])
        elif isinstance(value, d.date):
            made = table.TableCell(valuetype="date", datevalue=value.isoformat(), stylename=styles["day"])
        elif isinstance(value, d.time):
            made = table.TableCell(valuetype="time", timevalue=value.strftime("PT%HH%MM%SS"), stylename=styles["clock"])
        else:
            made = table.TableCell(valuetype="string")
            for line in value.split("\n"):
                paragraph = text.P()
                if line.startswith("  "):
                    paragraph.addElement(text.S(c=2))
                    line = line[2:]
                paragraph.addText(line)
                made.addElement(paragraph)
        row.addElement(made)

    for values in [HEADER] + [values[:7] + [None] + values[8:11] for values in ROWS]:
        row = table.TableRow()
        sheet.addElement(row)
        for value in values:
            cell(row, value)
    row = table.TableRow(numberrowsrepeated=2)
    sheet.addElement(row)
    cell(row, "twice")
    book.save(path)


with_openpyxl(folder / "openpyxl.xlsx", False)
with_openpyxl(folder / "openpyxl-1904.xlsx", True)
with_xlsxwriter(folder / "xlsxwriter.xlsx", {})
with_xlsxwriter(folder / "xlsxwriter-1904.xlsx", {"date_1904": True, "constant_memory": True})
with_odfpy(folder / "odfpy.ods")
