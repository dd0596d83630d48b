// The program of the report: the change log, which can be sorted and filtered, and the page of each change.
// Everything comes from the data blocks of this file, and goes into the page as text.
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const readBlock = (block) => JSON.parse(block.textContent);

  const facts = readBlock(byId("facts"));
  const place = Object.fromEntries(facts.rowKeys.map((key, index) => [key, index]));
  const rows = [];
  for (const block of document.querySelectorAll("script.rows")) {
    for (const row of readBlock(block)) rows.push(row);
    block.remove();
  }
  const detailBlocks = Array.from(document.querySelectorAll("script.details"));
  const DETAILS_IN_BLOCK = 50;

  // Returns an element with attributes and children; a child that is no element becomes text.
  const build = (tag, attributes, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
    for (const child of children) element.append(child);
    return element;
  };

  const BAD = new Set(["fail", "unauthorised", "overdue", "broken", "undecided-policy", "afterwards-fail",
    "not-enforced-fail"]);
  const WARN = new Set(["undecided", "waived", "not-evaluated", "pass-owing", "open", "could not be known",
    "afterwards-undecided", "afterwards-waived", "afterwards-pass-owing", "afterwards-pass",
    "not-enforced-undecided", "not-enforced-waived", "not-enforced-pass-owing", "not-enforced-pass"]);
  const GOOD = new Set(["pass", "closed", "met"]);
  const showWord = (word) => {
    const kind = BAD.has(word) ? "bad" : WARN.has(word) ? "warn" : GOOD.has(word) ? "good" : "";
    return kind ? build("span", { class: "word-" + kind }, word) : word;
  };
  const showTime = (time) => time.replace("T", " ").replace(/(\.\d+)?Z$/, " UTC");
  const shortId = (row) => row[place.commit].slice(0, 12);

  // The columns of the change log: the title, the value that sorts, and what a cell shows.
  const COLUMNS = [
    { title: "Landed (UTC)", key: "landed", kind: "word", show: (row) => row[place.landed].slice(0, 16).replace("T", " ") },
    { title: "Change", key: "commit", show: (row) => build("a", { href: "#change-" + row[place.number] },
      (repositories.length > 1 ? row[place.repository] + "@" : "") + shortId(row)) },
    { title: "What", key: "title" },
    { title: "Author", key: "author" },
    { title: "Approvers", key: "approvers" },
    { title: "Ticket", key: "ticket" },
    { title: "Class", key: "class" },
    { title: "Risk", key: "risk" },
    { title: "Gate", key: "result", kind: "word", show: (row) => showWord(row[place.result]) },
    { title: "State", key: "state", kind: "word", show: (row) => showWord(row[place.state]) },
    { title: "Remarks", key: "remarks" },
    { title: "Exceptions", key: "exceptions", kind: "number" },
  ];

  const listValues = (value) => Array.from(new Set(rows.map(value))).sort();
  const monthOf = (row) => row[place.landed].slice(0, 7);
  const repositories = listValues((row) => row[place.repository]);

  // ---- The filter.
  const filters = [
    { id: "filter-repository", value: (row) => row[place.repository] },
    { id: "filter-month", value: monthOf, newestFirst: true },
    { id: "filter-class", value: (row) => row[place.class] },
    { id: "filter-result", value: (row) => row[place.result] },
    { id: "filter-state", value: (row) => row[place.state] },
  ];
  for (const filter of filters) {
    const select = byId(filter.id);
    const values = listValues(filter.value);
    if (filter.newestFirst) values.reverse();
    select.append(build("option", { value: "" }, "all"));
    for (const value of values) select.append(build("option", { value }, value));
    select.parentElement.hidden = values.length < 2;
  }

  // The text of each row that a search looks through, made when somebody first searches.
  let haystacks = null;
  const SEARCHED = ["repository", "commit", "title", "author", "approvers", "ticket", "class", "risk", "remarks"];
  const makeHaystacks = () => rows.map((row) => SEARCHED.map((key) => row[place[key]]).join("\n").toLowerCase());

  let sortKey = "landed";
  let isDescending = true;
  let pageNumber = 0;
  let matches = [];
  const compare = new Intl.Collator("en", { numeric: true }).compare;

  const applyFilter = () => {
    const words = byId("filter-text").value.toLowerCase().split(/\s+/).filter((word) => word);
    if (words.length > 0 && haystacks === null) haystacks = makeHaystacks();
    const wanted = filters
      .map((filter) => [filter.value, byId(filter.id).value])
      .filter(([, value]) => value !== "");
    const onlyExceptions = byId("filter-exceptions").checked;
    matches = [];
    for (let index = 0; index < rows.length; index += 1) {
      const row = rows[index];
      if (onlyExceptions && row[place.exceptions] === 0) continue;
      if (!wanted.every(([value, word]) => value(row) === word)) continue;
      if (!words.every((word) => haystacks[index].includes(word))) continue;
      matches.push(row);
    }
    sortMatches();
    pageNumber = 0;
    showPage();
    byId("match-count").textContent = matches.length + " of " + rows.length + " changes match";
  };

  const sortMatches = () => {
    const at = place[sortKey];
    const sign = isDescending ? -1 : 1;
    if (sortKey === "landed" || sortKey === "commit") {
      // Times and ids are plain characters, whose order is that of their codes.
      matches.sort((one, other) => sign * (one[at] < other[at] ? -1 : one[at] > other[at] ? 1 : one[0] - other[0]));
    } else if (sortKey === "exceptions") {
      matches.sort((one, other) => sign * (one[at] - other[at]) || other[0] - one[0]);
    } else {
      // The order of each different value is worked out once: many rows share one.
      const ranks = new Map(Array.from(new Set(matches.map((row) => row[at]))).sort(compare).map((value, rank) => [value, rank]));
      matches.sort((one, other) => sign * (ranks.get(one[at]) - ranks.get(other[at])) || other[0] - one[0]);
    }
  };

  // ---- The table.
  const table = byId("log");
  const headers = table.tHead.rows[0];
  for (const column of COLUMNS) {
    const button = build("button", { type: "button" }, column.title);
    // A browser prints no buttons in the headers that it repeats on each page.
    const header = build("th", { scope: "col", class: "for-" + column.key }, button, build("span", { class: "print-only", "aria-hidden": "true" }, column.title));
    button.addEventListener("click", () => {
      isDescending = sortKey === column.key ? !isDescending : column.key === "landed" || column.key === "exceptions";
      sortKey = column.key;
      sortMatches();
      pageNumber = 0;
      showPage();
      const order = isDescending ? "descending" : "ascending";
      byId("match-count").textContent =
        matches.length + " of " + rows.length + " changes match, sorted by " + column.title + ", " + order;
    });
    column.header = header;
    headers.append(header);
  }

  const showPage = () => {
    const size = Number(byId("page-size").value);
    const last = Math.max(0, Math.ceil(matches.length / size) - 1);
    pageNumber = Math.min(pageNumber, last);
    const shown = matches.slice(pageNumber * size, (pageNumber + 1) * size);
    table.tBodies[0].replaceChildren(...shown.map((row) => build("tr", {}, ...COLUMNS.map((column) => {
      const content = column.show ? column.show(row) : String(row[place[column.key]]);
      return build("td", column.kind ? { class: column.kind } : {}, content);
    }))));
    for (const column of COLUMNS) {
      if (column.key !== sortKey) column.header.removeAttribute("aria-sort");
      else column.header.setAttribute("aria-sort", isDescending ? "descending" : "ascending");
    }
    byId("page-words").textContent = shown.length === 0 ? "no rows" :
      "rows " + (pageNumber * size + 1) + " to " + (pageNumber * size + shown.length) + " of " + matches.length;
    byId("page-first").disabled = byId("page-previous").disabled = pageNumber === 0;
    byId("page-next").disabled = byId("page-last").disabled = pageNumber === last;
  };
  const turnTo = (target) => () => {
    pageNumber = Math.max(0, target());
    showPage();
    table.scrollIntoView({ block: "start" });
  };
  byId("page-first").addEventListener("click", turnTo(() => 0));
  byId("page-previous").addEventListener("click", turnTo(() => pageNumber - 1));
  byId("page-next").addEventListener("click", turnTo(() => pageNumber + 1));
  byId("page-last").addEventListener("click", turnTo(() => Infinity));
  byId("page-size").addEventListener("change", turnTo(() => 0));

  const form = byId("filter");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", applyFilter);
  // The fields are empty only after the event.
  form.addEventListener("reset", () => setTimeout(applyFilter));

  if (facts.rows < facts.all || facts.details < facts.all) {
    const words = ["The page of a change has its details for the newest " + facts.details + " of " + facts.all + " changes."];
    if (facts.rows < facts.all) words.push("The change log below has the newest " + facts.rows + ".");
    words.push("changes.csv, changes.jsonl and changes.parquet have all of them.");
    byId("changes-left-out").textContent = words.join(" ");
    byId("changes-left-out").hidden = false;
  }
  for (const id of ["filter", "log", "log-pages"]) byId(id).hidden = false;
  applyFilter();

  // ---- The page of one change.
  const findDetail = (number) => {
    const at = facts.detailed === null ? number : facts.detailed.indexOf(number);
    if (at < 0) return null;
    const block = detailBlocks[Math.floor(at / DETAILS_IN_BLOCK)];
    return block ? readBlock(block).find((detail) => detail.number === number) : null;
  };

  // A short text stays on one line, so that no word of a narrow column is cut in two.
  const SHORT = 24;
  const buildTable = (title, titles, lines) => {
    if (lines.length === 0) return [];
    const head = build("thead", {}, build("tr", {}, ...titles.map((name) => build("th", { scope: "col" }, name))));
    const body = build("tbody", {}, ...lines.map((line) => build("tr", {}, ...line.map((value, index) =>
      build(index === 0 ? "th" : "td", {
        ...(index === 0 ? { scope: "row" } : {}),
        ...(value.length <= SHORT ? { class: "word" } : {}),
      }, index === 0 ? value : showWord(value))))));
    const made = build("table", {}, build("caption", {}, title), head, body);
    return [build("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": title }, made)];
  };

  const buildFacts = (pairs) => build("dl", { class: "facts" },
    ...pairs.flatMap(([name, value]) => [build("dt", {}, name), build("dd", {}, value)]));

  const buildChange = (row, detail) => {
    const summary = [
      ["Change", row[place.repository] + "@" + row[place.commit]],
      ["Landed", showTime(row[place.landed])],
      ["Author", row[place.author]],
      ["Class", row[place.class]],
      ["Gate", showWord(row[place.result])],
      ["State", showWord(row[place.state])],
      ["Remarks", row[place.remarks]],
    ].filter(([, value]) => value !== "");
    if (detail === null) {
      const words = "The details of this change are not in this page. Look for its id in changes.jsonl.";
      return [buildFacts(summary), build("p", { class: "note" }, words)];
    }
    summary.push(["Verdict", detail.judged]);
    if (detail.purpose !== "") summary.push(["Why", detail.purpose]);
    const timeline = detail.timeline.map((event) =>
      [event.at === null ? "no time" : showTime(event.at), event.clock, event.what, event.who || ""]);
    const parts = [
      buildFacts(summary),
      ...buildTable("Timeline", ["When", "Whose clock", "What", "Who"], timeline),
      ...buildTable("Exceptions", ["Exception", "Kind", "Rule", "What happened"], detail.exceptions),
      ...buildTable("Rules", ["Rule", "Result", "Level"], detail.rules),
    ];
    if (detail.other_rules.length > 0) {
      parts.push(build("p", { class: "left-out" }, "Rules about other changes: " + detail.other_rules.join(", ")));
    }
    const columns = detail.columns.map(([index, value]) => [facts.columns[index][0], value]);
    parts.push(
      ...buildTable("Approvals and objections",
        ["Who", "Teams", "Said", "When, by the forge's clock", "Revision", "Source", "Counted for", "Did not count for, and why"],
        detail.approvals),
      ...buildTable("Contributors, who cannot approve", ["Role", "Name", "Address", "Stands for"], detail.contributors),
      ...buildTable("Fields", ["Field", "Value", "Accepted", "Where"], detail.fields),
      ...buildTable("Tickets", ["Ticket", "Title", "State", "Made, by its system's clock"], detail.tickets),
      ...buildTable("Checks of the final revision", ["Check", "State", "By"], detail.checks),
      ...buildTable("What it owed", ["What", "Rule", "Owed by", "Due", "State", "Closed"], detail.obligations),
      ...buildTable("Refused attempts that may have become it", ["When", "Record", "Revision", "Refused by", "Linked by"], detail.attempts),
      build("details", {}, build("summary", {}, "All columns of the change log"), buildFacts(columns)),
    );
    if (detail.left_out > 0) {
      parts.push(build("p", { class: "left-out" }, detail.left_out + " further entries are not shown here."));
    }
    return parts;
  };

  const sections = Array.from(document.querySelectorAll("main > section"));
  const changePage = byId("change");
  const changeTitle = byId("change-title");
  const documentTitle = document.title;
  let scrolledTo = 0;

  const route = () => {
    const found = /^#change-(\d+)$/.exec(location.hash);
    const number = found ? Number(found[1]) : -1;
    const row = found ? rows.find((one) => one[place.number] === number) : undefined;
    if (found && changePage.hidden) scrolledTo = scrollY;
    for (const section of sections) section.hidden = (section === changePage) !== Boolean(found);
    document.body.classList.toggle("change-only", Boolean(found));
    if (!found) {
      document.title = documentTitle;
      const target = location.hash.length > 1 ? byId(location.hash.slice(1)) : null;
      if (target) target.scrollIntoView();
      return;
    }
    changeTitle.textContent = row ? row[place.title] || "A change without a title" : "This change is not in this page";
    const parts = row ? buildChange(row, findDetail(number)) :
      [build("p", {}, "changes.csv, changes.jsonl, changes.parquet and audit.xlsx have every change.")];
    byId("change-body").replaceChildren(...parts);
    document.title = changeTitle.textContent + " (" + documentTitle + ")";
    scrollTo(0, 0);
    changeTitle.focus();
  };
  addEventListener("hashchange", route);
  byId("change-back").addEventListener("click", (event) => {
    // Back to the row that the reader came from, as the browser's own button does.
    event.preventDefault();
    const back = scrolledTo;
    location.hash = "changes";
    setTimeout(() => scrollTo({ top: back, behavior: "instant" }));
  });
  if (/^#change-\d+$/.test(location.hash)) route();

  // ---- Printing: what is folded is printed too, and the page of the review can be printed alone.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = Array.from(document.querySelectorAll("details:not([open])"));
    for (const one of opened) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of opened) one.open = false;
    document.body.classList.remove("review-only");
  });
  byId("print-review").hidden = false;
  byId("print-review").addEventListener("click", () => {
    document.body.classList.add("review-only");
    print();
  });
})();
