package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// masksOf holds every mask of the protocol, by action.
var masksOf = map[string]map[string]bool{
	"partial": {"name": true, "resident_id": true, "credit_code": true, "phone": true,
		"address": true, "address_lane": true, "address_committee": true},
	"generalise": {"date_month": true, "date_year": true, "age_band": true, "bucket": true, "division_township": true},
}

var compoundSurnames = func() map[string]bool {
	names := map[string]bool{}
	for _, name := range strings.Fields(`欧阳 太史 端木 上官 司马 东方 独孤 南宫 万俟 闻人 夏侯 诸葛 尉迟 公羊 赫连 澹台
皇甫 宗政 濮阳 公冶 太叔 申屠 公孙 慕容 仲孙 钟离 长孙 宇文 司徒 鲜于 司空 闾丘 子车 亓官 司寇 巫马 公西 颛孙 壤驷 公良
漆雕 乐正 宰父 谷梁 拓跋 夹谷 轩辕 令狐 段干 百里 呼延 东郭 南门 羊舌 微生 梁丘 左丘 东门 西门 第五 公仪 公乘 太仲`) {
		names[name] = true
	}
	return names
}()

// hidden is a text mask that writes over a part of the values of a form, and over everything else entirely.
type hidden struct {
	form            *regexp.Regexp
	start, stop     int
	inside, outside string
}

var hiddenParts = map[string]hidden{
	"resident_id": {regexp.MustCompile(`\A[1-9][0-9]{5}(?:[0-9]{11}[0-9Xx]|\*{12})\z`), 6, 18,
		strings.Repeat("*", 12), strings.Repeat("*", 18)},
	"credit_code": {regexp.MustCompile(`\A[0-9A-Z]{2}(?:[0-9A-Z]{12}|\*{12})[0-9A-Z]{4}\z`), 2, 14,
		strings.Repeat("*", 12), strings.Repeat("*", 18)},
	"phone":             {regexp.MustCompile(`\A1[3-9][0-9](?:[0-9]{4}|\*{4})[0-9]{4}\z`), 3, 7, "****", strings.Repeat("*", 11)},
	"division_township": {regexp.MustCompile(`\A[0-9]{12}\z`), 9, 12, "000", strings.Repeat("0", 12)},
}

var nameForm = regexp.MustCompile(`(?s)\A\p{Han}.{1,39}\z`)

// treatment turns a value into the one that may leave; nulls stay null.
type treatment func(value any) any

// treatmentOf returns what an action does to a column, or nil when this connector cannot do it: never send it untreated.
func treatmentOf(action, mask string, c column, pseudonymKey []byte) treatment {
	switch {
	case action == "clear":
		return func(value any) any { return value }
	case action == "null":
		return func(any) any { return nil }
	case action == "pseudonym" && c.Type == "string":
		return func(value any) any {
			code := hmac.New(sha256.New, pseudonymKey)
			code.Write([]byte(value.(string)))
			return hex.EncodeToString(code.Sum(nil)[:16])
		}
	case mask == "name" && c.Type == "string":
		return func(value any) any { return maskedName(value.(string)) }
	case mask == "bucket" && integerBits[c.Type] > 0 && len(c.Buckets) > 0:
		return func(value any) any { return bucket(value.(int64), c.Buckets) }
	}
	if part, known := hiddenParts[mask]; known && c.Type == "string" {
		return func(value any) any {
			text := value.(string)
			if !part.form.MatchString(text) {
				return part.outside
			}
			return text[:part.start] + part.inside + text[part.stop:]
		}
	}
	if first, known := periods[mask]; known && c.Type == "date32" {
		return func(value any) any { return first(value.(int64)) }
	} else if known && c.Type == "timestamp" {
		return func(value any) any { return first(floorDiv(value.(int64), daySeconds*micros)) * daySeconds * micros }
	}
	return nil
}

func maskedName(text string) string {
	if !nameForm.MatchString(text) {
		return "**"
	}
	runes, kept := []rune(text), 1
	if utf8.RuneCountInString(text) > 2 && compoundSurnames[string(runes[:2])] {
		kept = 2
	}
	return string(runes[:kept]) + strings.Repeat("*", len(runes)-kept)
}

func bucket(value int64, bounds []int64) int64 {
	found := bounds[0]
	for _, bound := range bounds {
		if bound <= value {
			found = bound
		}
	}
	return found
}

// periods holds for each mask of dates the first day of a day's period, in days since 1970-01-01.
var periods = map[string]func(day int64) int64{
	"date_month": func(day int64) int64 {
		at := date(day)
		return days(at.Year(), at.Month())
	},
	"date_year": func(day int64) int64 { return days(date(day).Year(), time.January) },
	"age_band":  func(day int64) int64 { return days(max(date(day).Year()/5*5, 1), time.January) },
}

func date(day int64) time.Time { return time.Unix(day*daySeconds, 0).UTC() }

func days(year int, month time.Month) int64 {
	return time.Date(year, month, 1, 0, 0, 0, 0, time.UTC).Unix() / daySeconds
}
