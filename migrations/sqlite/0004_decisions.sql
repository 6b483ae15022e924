-- Why a request got the answer it got, as JSON.
ALTER TABLE ledger ADD COLUMN decisions TEXT;
