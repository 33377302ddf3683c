-- 0034
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE workspace (
	id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	CONSTRAINT pk_workspace PRIMARY KEY (id), 
	CONSTRAINT uq_workspace_name UNIQUE (name)
);
CREATE TABLE api_key (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id TEXT NOT NULL, 
	workspace_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	name_folded TEXT NOT NULL, 
	permissions TEXT NOT NULL, 
	status TEXT NOT NULL, 
	expires_at BIGINT, 
	note TEXT, 
	created_by_type TEXT NOT NULL, 
	created_by_id TEXT, 
	created_by_name TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	last_used_at BIGINT, 
	revoked_at BIGINT, 
	version BIGINT NOT NULL, hint TEXT DEFAULT '' NOT NULL, creator_folded TEXT DEFAULT '' NOT NULL, permission_count BIGINT DEFAULT '0' NOT NULL, chatflow_count BIGINT DEFAULT '0' NOT NULL, creator_tag BIGINT, allowed_ips TEXT, customer_id TEXT CONSTRAINT fk_api_key_customer_id_customer REFERENCES customer (id), rate_limits TEXT, quotas TEXT, last_address TEXT, last_user_agent TEXT, 
	CONSTRAINT fk_api_key_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id), 
	CONSTRAINT uq_api_key_id UNIQUE (id), 
	CONSTRAINT uq_api_key_workspace_id_id UNIQUE (workspace_id, id)
);
CREATE TABLE audit (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	workspace_id TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	actor_type TEXT NOT NULL, 
	actor_id TEXT, 
	actor_name TEXT NOT NULL, 
	action TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	subject_id TEXT NOT NULL, 
	address TEXT, 
	request_id TEXT, 
	"before" TEXT, 
	"after" TEXT, segment BIGINT, seal BLOB, 
	CONSTRAINT fk_audit_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id)
);
CREATE TABLE change (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	workspace_id TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	subject_id TEXT NOT NULL, 
	version BIGINT NOT NULL, 
	at BIGINT NOT NULL, 
	CONSTRAINT fk_change_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id)
);
CREATE TABLE chatflow (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id TEXT NOT NULL, 
	workspace_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	type TEXT NOT NULL, 
	flow_data TEXT NOT NULL, 
	is_public BOOLEAN NOT NULL, 
	chatbot_config TEXT, 
	api_config TEXT, 
	category TEXT, 
	extras TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	version BIGINT NOT NULL, name_folded TEXT DEFAULT '' NOT NULL, credentials TEXT DEFAULT '{}' NOT NULL, rate_limits TEXT, 
	CONSTRAINT fk_chatflow_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id), 
	CONSTRAINT uq_chatflow_id UNIQUE (id), 
	CONSTRAINT uq_chatflow_workspace_id_id UNIQUE (workspace_id, id)
);
CREATE TABLE collection (
	seq INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	workspace_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	description TEXT, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	CONSTRAINT pk_collection PRIMARY KEY (seq), 
	CONSTRAINT fk_collection_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id), 
	CONSTRAINT uq_collection_id UNIQUE (id), 
	CONSTRAINT uq_collection_workspace_id_id UNIQUE (workspace_id, id)
);
CREATE INDEX ix_collection_workspace_id_name ON collection (workspace_id, name);
CREATE TABLE key_count (
	workspace_id TEXT NOT NULL, 
	chatflow_id TEXT NOT NULL, 
	status TEXT NOT NULL, 
	total BIGINT NOT NULL, 
	CONSTRAINT pk_key_count PRIMARY KEY (workspace_id, chatflow_id, status), 
	CONSTRAINT fk_key_count_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id)
);
CREATE TABLE person (
	seq INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	workspace_id TEXT NOT NULL, 
	email TEXT NOT NULL, 
	name TEXT NOT NULL, 
	role TEXT NOT NULL, 
	permissions TEXT NOT NULL, 
	password_hash TEXT, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	version BIGINT NOT NULL, last_seen_at BIGINT, 
	CONSTRAINT pk_person PRIMARY KEY (seq), 
	CONSTRAINT fk_person_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id), 
	CONSTRAINT uq_person_email UNIQUE (email), 
	CONSTRAINT uq_person_id UNIQUE (id)
);
CREATE TABLE document (
	seq INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	workspace_id TEXT NOT NULL, 
	collection_id TEXT NOT NULL, 
	source TEXT NOT NULL, 
	media_type TEXT NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	sha256 TEXT NOT NULL, 
	created_at BIGINT NOT NULL, languages TEXT DEFAULT '' NOT NULL, 
	CONSTRAINT pk_document PRIMARY KEY (seq), 
	CONSTRAINT fk_document_workspace_id_collection_id_collection FOREIGN KEY(workspace_id, collection_id) REFERENCES collection (workspace_id, id) ON DELETE CASCADE, 
	CONSTRAINT fk_document_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id), 
	CONSTRAINT uq_document_collection_id_source UNIQUE (collection_id, source), 
	CONSTRAINT uq_document_id UNIQUE (id)
);
CREATE TABLE message (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id TEXT NOT NULL, 
	workspace_id TEXT NOT NULL, 
	chatflow_id TEXT NOT NULL, 
	key_id TEXT, 
	session_id TEXT NOT NULL, 
	chat_id TEXT NOT NULL, 
	role TEXT NOT NULL, 
	content TEXT NOT NULL, 
	details TEXT, 
	created_at BIGINT NOT NULL, person_id TEXT, finish_reason TEXT, execution_id TEXT, 
	CONSTRAINT fk_message_workspace_id_chatflow_id_chatflow FOREIGN KEY(workspace_id, chatflow_id) REFERENCES chatflow (workspace_id, id) ON DELETE CASCADE, 
	CONSTRAINT fk_message_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id)
);
CREATE TABLE token (
	seq INTEGER NOT NULL, 
	workspace_id TEXT NOT NULL, 
	key_id TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	hint TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	valid_until BIGINT, replaced_at BIGINT, finish_unused_seconds BIGINT, uses BIGINT DEFAULT '0' NOT NULL, last_used_at BIGINT, last_address TEXT, last_user_agent TEXT, 
	CONSTRAINT pk_token PRIMARY KEY (seq), 
	CONSTRAINT fk_token_workspace_id_key_id_api_key FOREIGN KEY(workspace_id, key_id) REFERENCES api_key (workspace_id, id), 
	CONSTRAINT fk_token_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id), 
	CONSTRAINT uq_token_digest UNIQUE (digest)
);
CREATE INDEX ix_token_hint ON token (hint);
CREATE INDEX ix_token_key_id ON token (key_id);
CREATE TABLE passage (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	workspace_id TEXT NOT NULL, 
	collection_id TEXT NOT NULL, 
	document_id TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	heading TEXT NOT NULL, 
	content TEXT NOT NULL, heading_terms TEXT DEFAULT '' NOT NULL, content_terms TEXT DEFAULT '' NOT NULL, 
	CONSTRAINT fk_passage_document_id_document FOREIGN KEY(document_id) REFERENCES document (id) ON DELETE CASCADE, 
	CONSTRAINT fk_passage_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id)
);
CREATE INDEX ix_passage_collection_id ON passage (collection_id);
CREATE INDEX ix_passage_document_id_position ON passage (document_id, position);
CREATE VIRTUAL TABLE key_name_fts USING fts5(
        name_folded, content='api_key', content_rowid='seq', tokenize='trigram');
CREATE TRIGGER key_name_fts_insert AFTER INSERT ON api_key BEGIN
        INSERT INTO key_name_fts(rowid, name_folded) VALUES (new.seq, new.name_folded);
    END;
CREATE TRIGGER key_name_fts_update AFTER UPDATE OF name_folded ON api_key
    WHEN old.name_folded IS NOT new.name_folded BEGIN
        INSERT INTO key_name_fts(key_name_fts, rowid, name_folded)
            VALUES ('delete', old.seq, old.name_folded);
        INSERT INTO key_name_fts(rowid, name_folded) VALUES (new.seq, new.name_folded);
    END;
CREATE TRIGGER key_name_fts_delete AFTER DELETE ON api_key BEGIN
        INSERT INTO key_name_fts(key_name_fts, rowid, name_folded)
            VALUES ('delete', old.seq, old.name_folded);
    END;
CREATE TRIGGER key_count_insert AFTER INSERT ON api_key BEGIN
        INSERT INTO key_count(workspace_id, chatflow_id, status, total)
            VALUES (new.workspace_id, '', new.status, 1)
            ON CONFLICT (workspace_id, chatflow_id, status) DO UPDATE SET total = total + 1;
    END;
CREATE TRIGGER key_count_update AFTER UPDATE OF status ON api_key
    WHEN old.status IS NOT new.status BEGIN
        UPDATE key_count SET total = total - 1
            WHERE workspace_id = old.workspace_id AND status = old.status AND (chatflow_id = ''
                OR chatflow_id IN (SELECT chatflow_id FROM binding WHERE key_id = old.id));
        INSERT INTO key_count(workspace_id, chatflow_id, status, total)
            SELECT new.workspace_id, '', new.status, 1
            UNION ALL SELECT new.workspace_id, chatflow_id, new.status, 1 FROM binding WHERE key_id = new.id
            ON CONFLICT (workspace_id, chatflow_id, status) DO UPDATE SET total = total + 1;
    END;
CREATE TRIGGER key_count_delete AFTER DELETE ON api_key BEGIN
        UPDATE key_count SET total = total - 1
            WHERE workspace_id = old.workspace_id AND chatflow_id = '' AND status = old.status;
    END;
CREATE TABLE sign_in (
	seq INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	workspace_id TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	person_id TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	last_seen_at BIGINT NOT NULL, 
	address TEXT, 
	user_agent TEXT, 
	CONSTRAINT pk_sign_in PRIMARY KEY (seq), 
	CONSTRAINT fk_sign_in_person_id_person FOREIGN KEY(person_id) REFERENCES person (id) ON DELETE CASCADE, 
	CONSTRAINT fk_sign_in_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id), 
	CONSTRAINT uq_sign_in_digest UNIQUE (digest), 
	CONSTRAINT uq_sign_in_id UNIQUE (id)
);
CREATE INDEX ix_sign_in_person_id ON sign_in (person_id);
CREATE TABLE link (
	seq INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	workspace_id TEXT NOT NULL, 
	purpose TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	role TEXT NOT NULL, 
	permissions TEXT NOT NULL, 
	created_by_type TEXT NOT NULL, 
	created_by_name TEXT NOT NULL, 
	email TEXT, 
	person_id TEXT, 
	created_by_id TEXT, 
	created_at BIGINT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	CONSTRAINT pk_link PRIMARY KEY (seq), 
	CONSTRAINT fk_link_person_id_person FOREIGN KEY(person_id) REFERENCES person (id) ON DELETE CASCADE, 
	CONSTRAINT fk_link_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id), 
	CONSTRAINT uq_link_digest UNIQUE (digest), 
	CONSTRAINT uq_link_id UNIQUE (id)
);
CREATE INDEX ix_link_person_id ON link (person_id);
CREATE INDEX ix_link_workspace_id_purpose ON link (workspace_id, purpose);
CREATE INDEX ix_api_key_chatflows ON api_key (workspace_id, chatflow_count, seq, status, expires_at, creator_tag);
CREATE INDEX ix_api_key_created ON api_key (workspace_id, created_at, seq, status, expires_at, creator_tag);
CREATE INDEX ix_api_key_creator_name ON api_key (workspace_id, creator_folded, seq, status, expires_at, creator_tag);
CREATE INDEX ix_api_key_hint ON api_key (workspace_id, hint, seq, status, expires_at, creator_tag);
CREATE INDEX ix_api_key_last_used ON api_key (workspace_id, last_used_at, seq, status, expires_at, creator_tag);
CREATE INDEX ix_api_key_name ON api_key (workspace_id, name_folded, seq, status, expires_at, creator_tag);
CREATE INDEX ix_api_key_permissions ON api_key (workspace_id, permission_count, seq, status, expires_at, creator_tag);
CREATE INDEX ix_api_key_status ON api_key (workspace_id, status, seq, expires_at, creator_tag);
CREATE INDEX ix_api_key_updated ON api_key (workspace_id, updated_at, seq, status, expires_at, creator_tag);
CREATE INDEX ix_api_key_row ON api_key (seq, status, name_folded, expires_at, creator_tag);
CREATE TABLE binding (
	seq INTEGER NOT NULL, 
	workspace_id TEXT NOT NULL, 
	key_id TEXT NOT NULL, 
	chatflow_id TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	key_seq BIGINT NOT NULL, rate_limits TEXT, 
	CONSTRAINT pk_binding PRIMARY KEY (seq), 
	CONSTRAINT fk_binding_key_seq_api_key FOREIGN KEY(key_seq) REFERENCES api_key (seq), 
	CONSTRAINT fk_binding_workspace_id_chatflow_id_chatflow FOREIGN KEY(workspace_id, chatflow_id) REFERENCES chatflow (workspace_id, id) ON DELETE CASCADE, 
	CONSTRAINT fk_binding_workspace_id_key_id_api_key FOREIGN KEY(workspace_id, key_id) REFERENCES api_key (workspace_id, id), 
	CONSTRAINT fk_binding_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id), 
	CONSTRAINT uq_binding_key_id_chatflow_id UNIQUE (key_id, chatflow_id)
);
CREATE INDEX ix_binding_workspace_id_chatflow_id_seq ON binding (workspace_id, chatflow_id, seq);
CREATE INDEX ix_binding_keys ON binding (workspace_id, chatflow_id, key_seq);
CREATE TABLE sent_form (
	seq INTEGER NOT NULL, 
	workspace_id TEXT NOT NULL, 
	principal_id TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	subject_id TEXT NOT NULL, 
	sent_at BIGINT NOT NULL, 
	CONSTRAINT pk_sent_form PRIMARY KEY (seq), 
	CONSTRAINT fk_sent_form_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id), 
	CONSTRAINT uq_sent_form_workspace_id_principal_id_digest UNIQUE (workspace_id, principal_id, digest)
);
CREATE INDEX ix_sent_form_sent_at ON sent_form (sent_at);
CREATE TRIGGER key_count_bind AFTER INSERT ON binding BEGIN INSERT INTO key_count(workspace_id, chatflow_id, status, total)
        SELECT new.workspace_id, new.chatflow_id, status, 1 FROM api_key WHERE id = new.key_id
        ON CONFLICT (workspace_id, chatflow_id, status) DO UPDATE SET total = total + 1; END;
CREATE TRIGGER key_count_unbind AFTER DELETE ON binding BEGIN UPDATE key_count SET total = total - 1
        WHERE workspace_id = old.workspace_id AND chatflow_id = old.chatflow_id
            AND status = (SELECT status FROM api_key WHERE id = old.key_id);
    DELETE FROM key_count
        WHERE workspace_id = old.workspace_id AND chatflow_id = old.chatflow_id AND total = 0; END;
CREATE TRIGGER api_key_bind AFTER INSERT ON binding BEGIN
        UPDATE api_key SET chatflow_count = chatflow_count + 1 WHERE seq = new.key_seq;
    END;
CREATE TRIGGER api_key_unbind AFTER DELETE ON binding BEGIN
        UPDATE api_key SET chatflow_count = chatflow_count - 1 WHERE seq = old.key_seq;
    END;
CREATE TRIGGER api_key_hint AFTER INSERT ON token BEGIN
        UPDATE api_key SET hint = new.hint WHERE id = new.key_id AND hint IS NOT new.hint;
    END;
CREATE INDEX ix_api_key_expiry ON api_key
        (workspace_id, coalesce(expires_at, 9223372036854775807), seq, status, expires_at, creator_tag);
CREATE INDEX ix_chatflow_listed ON chatflow (workspace_id, name_folded, seq, is_public, type, updated_at, created_at, version, id, name, category);
CREATE INDEX ix_message_session ON message (workspace_id, chatflow_id, session_id, key_id, person_id, seq);
CREATE INDEX ix_message_chatflow ON message (workspace_id, chatflow_id, seq);
CREATE TABLE conversation (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id TEXT NOT NULL, 
	workspace_id TEXT NOT NULL, 
	chatflow_id TEXT NOT NULL, 
	session_id TEXT NOT NULL, 
	key_id TEXT NOT NULL, 
	person_id TEXT NOT NULL, 
	first_question TEXT NOT NULL, 
	messages BIGINT NOT NULL, 
	started_at BIGINT NOT NULL, 
	last_at BIGINT NOT NULL, 
	CONSTRAINT fk_conversation_workspace_id_chatflow_id_chatflow FOREIGN KEY(workspace_id, chatflow_id) REFERENCES chatflow (workspace_id, id) ON DELETE CASCADE, 
	CONSTRAINT fk_conversation_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id), 
	CONSTRAINT uq_conversation_id UNIQUE (id), 
	CONSTRAINT uq_conversation UNIQUE (workspace_id, chatflow_id, session_id, key_id, person_id)
);
CREATE INDEX ix_conversation_last ON conversation (workspace_id, chatflow_id, last_at, seq);
CREATE TRIGGER change_key_insert AFTER INSERT ON api_key BEGIN
        INSERT INTO change(workspace_id, subject, subject_id, version, at) VALUES (new.workspace_id, 'key', new.id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER));
    END;
CREATE TRIGGER change_key_renamed AFTER UPDATE ON api_key WHEN old.id IS NOT new.id BEGIN
        INSERT INTO change(workspace_id, subject, subject_id, version, at) VALUES (new.workspace_id, 'key', new.id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER));
    END;
CREATE TRIGGER change_key_delete AFTER DELETE ON api_key BEGIN
        INSERT INTO change(workspace_id, subject, subject_id, version, at) VALUES (old.workspace_id, 'key', old.id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER));
    END;
CREATE TRIGGER change_api_key_replaced BEFORE INSERT ON api_key BEGIN INSERT INTO change(workspace_id, subject, subject_id, version, at) SELECT workspace_id, 'key', id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER) FROM api_key WHERE seq = new.seq; END;
CREATE TRIGGER change_api_key_pushed_out BEFORE UPDATE ON api_key WHEN old.seq IS NOT new.seq BEGIN
        INSERT INTO change(workspace_id, subject, subject_id, version, at) SELECT workspace_id, 'key', id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER) FROM api_key WHERE (seq = new.seq) AND seq IS NOT old.seq;
    END;
CREATE TRIGGER change_token_insert AFTER INSERT ON token BEGIN
        INSERT INTO change(workspace_id, subject, subject_id, version, at) VALUES (new.workspace_id, 'key', new.key_id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER));
    END;
CREATE TRIGGER change_token_moved AFTER UPDATE OF key_id ON token BEGIN
        INSERT INTO change(workspace_id, subject, subject_id, version, at) VALUES (new.workspace_id, 'key', new.key_id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER));
    END;
CREATE TRIGGER change_token_delete AFTER DELETE ON token BEGIN
        INSERT INTO change(workspace_id, subject, subject_id, version, at) VALUES (old.workspace_id, 'key', old.key_id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER));
    END;
CREATE TRIGGER change_token_replaced BEFORE INSERT ON token BEGIN INSERT INTO change(workspace_id, subject, subject_id, version, at) SELECT workspace_id, 'key', key_id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER) FROM token WHERE digest = new.digest OR seq = new.seq; END;
CREATE TRIGGER change_token_pushed_out BEFORE UPDATE ON token WHEN old.digest IS NOT new.digest OR old.seq IS NOT new.seq BEGIN
        INSERT INTO change(workspace_id, subject, subject_id, version, at) SELECT workspace_id, 'key', key_id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER) FROM token WHERE (digest = new.digest OR seq = new.seq) AND seq IS NOT old.seq;
    END;
CREATE TRIGGER change_binding_insert AFTER INSERT ON binding BEGIN
        INSERT INTO change(workspace_id, subject, subject_id, version, at) VALUES (new.workspace_id, 'key', new.key_id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER));
    END;
CREATE TRIGGER change_binding_update AFTER UPDATE OF key_id, chatflow_id ON binding BEGIN
        INSERT INTO change(workspace_id, subject, subject_id, version, at) VALUES (old.workspace_id, 'key', old.key_id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER));
    END;
CREATE TRIGGER change_binding_moved AFTER UPDATE OF key_id ON binding BEGIN
        INSERT INTO change(workspace_id, subject, subject_id, version, at) VALUES (new.workspace_id, 'key', new.key_id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER));
    END;
CREATE TRIGGER change_binding_delete AFTER DELETE ON binding BEGIN
        INSERT INTO change(workspace_id, subject, subject_id, version, at) VALUES (old.workspace_id, 'key', old.key_id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER));
    END;
CREATE TRIGGER change_binding_replaced BEFORE INSERT ON binding BEGIN INSERT INTO change(workspace_id, subject, subject_id, version, at) SELECT workspace_id, 'key', key_id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER) FROM binding WHERE seq = new.seq; END;
CREATE TRIGGER change_binding_pushed_out BEFORE UPDATE ON binding WHEN old.seq IS NOT new.seq BEGIN
        INSERT INTO change(workspace_id, subject, subject_id, version, at) SELECT workspace_id, 'key', key_id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER) FROM binding WHERE (seq = new.seq) AND seq IS NOT old.seq;
    END;
CREATE TRIGGER change_chatflow_insert AFTER INSERT ON chatflow BEGIN
        INSERT INTO change(workspace_id, subject, subject_id, version, at) VALUES (new.workspace_id, 'chatflow', new.id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER));
    END;
CREATE TRIGGER change_chatflow_update AFTER UPDATE ON chatflow WHEN old.id IS NOT new.id OR old.workspace_id IS NOT new.workspace_id OR old.is_public IS NOT new.is_public OR old.flow_data IS NOT new.flow_data BEGIN
        INSERT INTO change(workspace_id, subject, subject_id, version, at) VALUES (old.workspace_id, 'chatflow', old.id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER));
    END;
CREATE TRIGGER change_chatflow_renamed AFTER UPDATE ON chatflow WHEN old.id IS NOT new.id BEGIN
        INSERT INTO change(workspace_id, subject, subject_id, version, at) VALUES (new.workspace_id, 'chatflow', new.id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER));
    END;
CREATE TRIGGER change_chatflow_delete AFTER DELETE ON chatflow BEGIN
        INSERT INTO change(workspace_id, subject, subject_id, version, at) VALUES (old.workspace_id, 'chatflow', old.id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER));
    END;
CREATE TRIGGER change_chatflow_replaced BEFORE INSERT ON chatflow BEGIN INSERT INTO change(workspace_id, subject, subject_id, version, at) SELECT workspace_id, 'chatflow', id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER) FROM chatflow WHERE seq = new.seq; END;
CREATE TRIGGER change_chatflow_pushed_out BEFORE UPDATE ON chatflow WHEN old.seq IS NOT new.seq BEGIN
        INSERT INTO change(workspace_id, subject, subject_id, version, at) SELECT workspace_id, 'chatflow', id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER) FROM chatflow WHERE (seq = new.seq) AND seq IS NOT old.seq;
    END;
CREATE INDEX ix_document_collection_id_languages ON document (collection_id, languages);
CREATE VIRTUAL TABLE passage_fts USING fts5(
        heading_terms, content_terms, content='passage', content_rowid='seq', tokenize='ascii');
CREATE VIRTUAL TABLE passage_fts_vocabulary USING fts5vocab(passage_fts, row);
CREATE TRIGGER passage_fts_insert AFTER INSERT ON passage BEGIN
        INSERT INTO passage_fts(rowid, heading_terms, content_terms)
            VALUES (new.seq, new.heading_terms, new.content_terms);
    END;
CREATE TRIGGER passage_fts_delete AFTER DELETE ON passage BEGIN
        INSERT INTO passage_fts(passage_fts, rowid, heading_terms, content_terms)
            VALUES ('delete', old.seq, old.heading_terms, old.content_terms);
    END;
CREATE TABLE key_set (
	workspace_id TEXT NOT NULL, 
	mark TEXT NOT NULL, 
	word BIGINT NOT NULL, 
	bits BIGINT NOT NULL, 
	CONSTRAINT pk_key_set PRIMARY KEY (workspace_id, mark, word), 
	CONSTRAINT fk_key_set_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id)
)
 WITHOUT ROWID

;
CREATE TABLE key_letters (
	block BIGINT NOT NULL, 
	letters TEXT NOT NULL, 
	bits BLOB NOT NULL, 
	CONSTRAINT pk_key_letters PRIMARY KEY (block, letters)
)
 WITHOUT ROWID

;
CREATE TABLE key_unread_name (
	seq INTEGER NOT NULL, 
	CONSTRAINT pk_key_unread_name PRIMARY KEY (seq)
);
CREATE INDEX ix_api_key_creator ON api_key (workspace_id, creator_tag, status, seq);
CREATE TRIGGER key_set_insert AFTER INSERT ON api_key BEGIN INSERT INTO key_set(workspace_id, mark, word, bits) SELECT new.workspace_id, 'status:' || new.status, new.seq >> 6, 1 << (new.seq & 63) WHERE 'status:' || new.status IS NOT NULL UNION ALL SELECT new.workspace_id, 'creator:' || new.creator_tag, new.seq >> 6, 1 << (new.seq & 63) WHERE 'creator:' || new.creator_tag IS NOT NULL
        ON CONFLICT (workspace_id, mark, word) DO UPDATE SET bits = bits | excluded.bits; END;
CREATE TRIGGER key_set_update AFTER UPDATE ON api_key
    WHEN old.seq IS NOT new.seq OR old.workspace_id IS NOT new.workspace_id OR old.status IS NOT new.status OR old.creator_tag IS NOT new.creator_tag BEGIN
        UPDATE key_set SET bits = bits & ~(1 << (old.seq & 63)) WHERE workspace_id = old.workspace_id AND mark IN ('status:' || old.status, 'creator:' || old.creator_tag) AND word = old.seq >> 6;
        DELETE FROM key_set WHERE workspace_id = old.workspace_id AND mark IN ('status:' || old.status, 'creator:' || old.creator_tag) AND word = old.seq >> 6 AND bits = 0;
        INSERT INTO key_set(workspace_id, mark, word, bits) SELECT new.workspace_id, 'status:' || new.status, new.seq >> 6, 1 << (new.seq & 63) WHERE 'status:' || new.status IS NOT NULL UNION ALL SELECT new.workspace_id, 'creator:' || new.creator_tag, new.seq >> 6, 1 << (new.seq & 63) WHERE 'creator:' || new.creator_tag IS NOT NULL
        ON CONFLICT (workspace_id, mark, word) DO UPDATE SET bits = bits | excluded.bits;
    END;
CREATE TRIGGER key_set_delete AFTER DELETE ON api_key BEGIN
        UPDATE key_set SET bits = bits & ~(1 << (old.seq & 63)) WHERE workspace_id = old.workspace_id AND mark IN ('status:' || old.status, 'creator:' || old.creator_tag) AND word = old.seq >> 6;
        DELETE FROM key_set WHERE workspace_id = old.workspace_id AND mark IN ('status:' || old.status, 'creator:' || old.creator_tag) AND word = old.seq >> 6 AND bits = 0;
    END;
CREATE TRIGGER key_set_bind AFTER INSERT ON binding BEGIN INSERT INTO key_set(workspace_id, mark, word, bits) SELECT new.workspace_id, 'chatflow:' || new.chatflow_id, new.key_seq >> 6, 1 << (new.key_seq & 63) WHERE 'chatflow:' || new.chatflow_id IS NOT NULL
        ON CONFLICT (workspace_id, mark, word) DO UPDATE SET bits = bits | excluded.bits; END;
CREATE TRIGGER key_set_rebind AFTER UPDATE ON binding
    WHEN old.workspace_id IS NOT new.workspace_id OR old.chatflow_id IS NOT new.chatflow_id OR old.key_seq IS NOT new.key_seq BEGIN
        UPDATE key_set SET bits = bits & ~(1 << (old.key_seq & 63)) WHERE workspace_id = old.workspace_id AND mark IN ('chatflow:' || old.chatflow_id) AND word = old.key_seq >> 6;
        DELETE FROM key_set WHERE workspace_id = old.workspace_id AND mark IN ('chatflow:' || old.chatflow_id) AND word = old.key_seq >> 6 AND bits = 0;
        INSERT INTO key_set(workspace_id, mark, word, bits) SELECT new.workspace_id, 'chatflow:' || new.chatflow_id, new.key_seq >> 6, 1 << (new.key_seq & 63) WHERE 'chatflow:' || new.chatflow_id IS NOT NULL
        ON CONFLICT (workspace_id, mark, word) DO UPDATE SET bits = bits | excluded.bits;
    END;
CREATE TRIGGER key_set_unbind AFTER DELETE ON binding BEGIN
        UPDATE key_set SET bits = bits & ~(1 << (old.key_seq & 63)) WHERE workspace_id = old.workspace_id AND mark IN ('chatflow:' || old.chatflow_id) AND word = old.key_seq >> 6;
        DELETE FROM key_set WHERE workspace_id = old.workspace_id AND mark IN ('chatflow:' || old.chatflow_id) AND word = old.key_seq >> 6 AND bits = 0;
    END;
CREATE TRIGGER key_count_rebind AFTER UPDATE ON binding
    WHEN old.workspace_id IS NOT new.workspace_id OR old.chatflow_id IS NOT new.chatflow_id OR old.key_id IS NOT new.key_id BEGIN
        UPDATE key_count SET total = total - 1
        WHERE workspace_id = old.workspace_id AND chatflow_id = old.chatflow_id
            AND status = (SELECT status FROM api_key WHERE id = old.key_id);
    DELETE FROM key_count
        WHERE workspace_id = old.workspace_id AND chatflow_id = old.chatflow_id AND total = 0;
        INSERT INTO key_count(workspace_id, chatflow_id, status, total)
        SELECT new.workspace_id, new.chatflow_id, status, 1 FROM api_key WHERE id = new.key_id
        ON CONFLICT (workspace_id, chatflow_id, status) DO UPDATE SET total = total + 1;
    END;
CREATE TRIGGER key_name_insert AFTER INSERT ON api_key BEGIN INSERT INTO key_unread_name(seq) VALUES (new.seq) ON CONFLICT DO NOTHING; END;
CREATE TRIGGER key_name_update AFTER UPDATE ON api_key WHEN old.seq IS NOT new.seq OR old.name_folded IS NOT new.name_folded BEGIN
        INSERT INTO key_unread_name(seq) VALUES (old.seq), (new.seq) ON CONFLICT DO NOTHING;
    END;
CREATE TRIGGER key_name_delete AFTER DELETE ON api_key BEGIN INSERT INTO key_unread_name(seq) VALUES (old.seq) ON CONFLICT DO NOTHING; END;
CREATE TRIGGER key_name_replaced BEFORE INSERT ON api_key BEGIN INSERT INTO key_unread_name(seq) SELECT seq FROM api_key WHERE id = new.id ON CONFLICT DO NOTHING; END;
CREATE INDEX ix_token_replaced ON token (key_id, valid_until) WHERE replaced_at IS NOT NULL;
CREATE TRIGGER change_token_update AFTER UPDATE ON token WHEN old.seq IS NOT new.seq OR old.key_id IS NOT new.key_id OR old.digest IS NOT new.digest OR old.valid_until IS NOT new.valid_until OR old.replaced_at IS NOT new.replaced_at BEGIN
        INSERT INTO change(workspace_id, subject, subject_id, version, at) VALUES (old.workspace_id, 'key', old.key_id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER));
    END;
CREATE TABLE usage_hour (
	workspace_id TEXT NOT NULL, 
	time BIGINT NOT NULL, 
	key_id TEXT NOT NULL, 
	chatflow_id TEXT NOT NULL, 
	customer_id TEXT NOT NULL, 
	door TEXT NOT NULL, 
	outcome TEXT NOT NULL, 
	took_0 BIGINT NOT NULL, 
	took_1 BIGINT NOT NULL, 
	took_2 BIGINT NOT NULL, 
	took_3 BIGINT NOT NULL, 
	took_4 BIGINT NOT NULL, 
	took_5 BIGINT NOT NULL, 
	took_6 BIGINT NOT NULL, 
	took_7 BIGINT NOT NULL, 
	took_8 BIGINT NOT NULL, 
	took_9 BIGINT NOT NULL, 
	took_10 BIGINT NOT NULL, 
	took_11 BIGINT NOT NULL, 
	took_12 BIGINT NOT NULL, 
	took_13 BIGINT NOT NULL, 
	took_14 BIGINT NOT NULL, 
	took_15 BIGINT NOT NULL, 
	took_16 BIGINT NOT NULL, 
	took_17 BIGINT NOT NULL, 
	took_18 BIGINT NOT NULL, 
	took_19 BIGINT NOT NULL, 
	took_20 BIGINT NOT NULL, 
	tokens_in BIGINT NOT NULL, 
	tokens_out BIGINT NOT NULL, 
	bytes_in BIGINT NOT NULL, 
	bytes_out BIGINT NOT NULL, tokens_estimated BIGINT DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_usage_hour PRIMARY KEY (workspace_id, time, key_id, chatflow_id, customer_id, door, outcome), 
	CONSTRAINT fk_usage_hour_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id)
)
 WITHOUT ROWID

;
CREATE INDEX ix_usage_hour_key ON usage_hour (workspace_id, key_id, time);
CREATE INDEX ix_usage_hour_chatflow ON usage_hour (workspace_id, chatflow_id, time);
CREATE INDEX ix_usage_hour_customer ON usage_hour (workspace_id, customer_id, time);
CREATE TABLE usage_day (
	workspace_id TEXT NOT NULL, 
	time BIGINT NOT NULL, 
	key_id TEXT NOT NULL, 
	chatflow_id TEXT NOT NULL, 
	customer_id TEXT NOT NULL, 
	door TEXT NOT NULL, 
	outcome TEXT NOT NULL, 
	took_0 BIGINT NOT NULL, 
	took_1 BIGINT NOT NULL, 
	took_2 BIGINT NOT NULL, 
	took_3 BIGINT NOT NULL, 
	took_4 BIGINT NOT NULL, 
	took_5 BIGINT NOT NULL, 
	took_6 BIGINT NOT NULL, 
	took_7 BIGINT NOT NULL, 
	took_8 BIGINT NOT NULL, 
	took_9 BIGINT NOT NULL, 
	took_10 BIGINT NOT NULL, 
	took_11 BIGINT NOT NULL, 
	took_12 BIGINT NOT NULL, 
	took_13 BIGINT NOT NULL, 
	took_14 BIGINT NOT NULL, 
	took_15 BIGINT NOT NULL, 
	took_16 BIGINT NOT NULL, 
	took_17 BIGINT NOT NULL, 
	took_18 BIGINT NOT NULL, 
	took_19 BIGINT NOT NULL, 
	took_20 BIGINT NOT NULL, 
	tokens_in BIGINT NOT NULL, 
	tokens_out BIGINT NOT NULL, 
	bytes_in BIGINT NOT NULL, 
	bytes_out BIGINT NOT NULL, tokens_estimated BIGINT DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_usage_day PRIMARY KEY (workspace_id, time, key_id, chatflow_id, customer_id, door, outcome), 
	CONSTRAINT fk_usage_day_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id)
)
 WITHOUT ROWID

;
CREATE INDEX ix_usage_day_key ON usage_day (workspace_id, key_id, time);
CREATE INDEX ix_usage_day_chatflow ON usage_day (workspace_id, chatflow_id, time);
CREATE INDEX ix_usage_day_customer ON usage_day (workspace_id, customer_id, time);
CREATE TABLE usage_batch (
	recorder TEXT NOT NULL, 
	number BIGINT NOT NULL, 
	at BIGINT NOT NULL, 
	CONSTRAINT pk_usage_batch PRIMARY KEY (recorder)
)
 WITHOUT ROWID

;
CREATE TABLE audit_segment (
	id INTEGER NOT NULL, 
	secret_id TEXT NOT NULL, 
	found_to BIGINT NOT NULL, 
	begun_at BIGINT NOT NULL, 
	kept_under TEXT NOT NULL, 
	kept BLOB, 
	CONSTRAINT pk_audit_segment PRIMARY KEY (id)
);
CREATE INDEX ix_audit_at ON audit (workspace_id, at, seq);
CREATE INDEX ix_audit_subject_id ON audit (workspace_id, subject_id, at, seq);
CREATE INDEX ix_audit_subject ON audit (workspace_id, subject, at, seq);
CREATE INDEX ix_audit_actor_id ON audit (workspace_id, actor_id, at, seq);
CREATE INDEX ix_audit_actor_name ON audit (workspace_id, actor_name, at, seq);
CREATE INDEX ix_audit_action ON audit (workspace_id, action, at, seq);
CREATE TABLE policy (
	workspace_id TEXT NOT NULL, 
	max_lifetime_days BIGINT, 
	expiry_required BIGINT DEFAULT '0' NOT NULL, 
	rotate_after_days BIGINT, 
	max_keys_per_person BIGINT, 
	allowed_ips TEXT, 
	updated_at BIGINT NOT NULL, 
	version BIGINT NOT NULL, 
	CONSTRAINT pk_policy PRIMARY KEY (workspace_id), 
	CONSTRAINT fk_policy_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id)
);
CREATE TRIGGER change_policy_insert AFTER INSERT ON policy WHEN new.allowed_ips IS NOT NULL BEGIN
        INSERT INTO change(workspace_id, subject, subject_id, version, at) VALUES (new.workspace_id, 'policy', new.workspace_id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER));
    END;
CREATE TRIGGER change_policy_update AFTER UPDATE ON policy WHEN old.workspace_id IS NOT new.workspace_id OR old.allowed_ips IS NOT new.allowed_ips BEGIN
        INSERT INTO change(workspace_id, subject, subject_id, version, at) VALUES (old.workspace_id, 'policy', old.workspace_id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER));
    END;
CREATE TRIGGER change_policy_moved AFTER UPDATE OF workspace_id ON policy BEGIN
        INSERT INTO change(workspace_id, subject, subject_id, version, at) VALUES (new.workspace_id, 'policy', new.workspace_id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER));
    END;
CREATE TRIGGER change_policy_delete AFTER DELETE ON policy WHEN old.allowed_ips IS NOT NULL BEGIN
        INSERT INTO change(workspace_id, subject, subject_id, version, at) VALUES (old.workspace_id, 'policy', old.workspace_id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER));
    END;
CREATE TRIGGER change_policy_replaced BEFORE INSERT ON policy WHEN new.allowed_ips IS NULL BEGIN
        INSERT INTO change(workspace_id, subject, subject_id, version, at) SELECT workspace_id, 'policy', workspace_id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER) FROM policy
            WHERE workspace_id = new.workspace_id AND allowed_ips IS NOT NULL;
    END;
CREATE TABLE customer (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id TEXT NOT NULL, 
	workspace_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	name_folded TEXT NOT NULL, 
	external_id TEXT, 
	meta TEXT NOT NULL, 
	status TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	revoked_at BIGINT, 
	version BIGINT NOT NULL, 
	key_count BIGINT DEFAULT '0' NOT NULL, rate_limits TEXT, quotas TEXT, 
	CONSTRAINT fk_customer_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id), 
	CONSTRAINT uq_customer_id UNIQUE (id), 
	CONSTRAINT uq_customer_workspace_id_external_id UNIQUE (workspace_id, external_id)
);
CREATE INDEX ix_customer_listed ON customer (workspace_id, name_folded, seq, status, external_id, key_count, updated_at, id);
CREATE INDEX ix_api_key_customer ON api_key (customer_id, status, seq) WHERE customer_id IS NOT NULL;
CREATE TRIGGER change_key_update AFTER UPDATE ON api_key WHEN old.id IS NOT new.id OR old.workspace_id IS NOT new.workspace_id OR old.name IS NOT new.name OR old.permissions IS NOT new.permissions OR old.status IS NOT new.status OR old.expires_at IS NOT new.expires_at OR old.allowed_ips IS NOT new.allowed_ips OR old.customer_id IS NOT new.customer_id BEGIN
        INSERT INTO change(workspace_id, subject, subject_id, version, at) VALUES (old.workspace_id, 'key', old.id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER));
    END;
CREATE TRIGGER change_customer_insert AFTER INSERT ON customer BEGIN
        INSERT INTO change(workspace_id, subject, subject_id, version, at) VALUES (new.workspace_id, 'customer', new.id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER));
    END;
CREATE TRIGGER change_customer_update AFTER UPDATE ON customer WHEN old.id IS NOT new.id OR old.workspace_id IS NOT new.workspace_id OR old.name IS NOT new.name OR old.external_id IS NOT new.external_id OR old.status IS NOT new.status BEGIN
        INSERT INTO change(workspace_id, subject, subject_id, version, at) VALUES (old.workspace_id, 'customer', old.id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER));
    END;
CREATE TRIGGER change_customer_renamed AFTER UPDATE ON customer WHEN old.id IS NOT new.id BEGIN
        INSERT INTO change(workspace_id, subject, subject_id, version, at) VALUES (new.workspace_id, 'customer', new.id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER));
    END;
CREATE TRIGGER change_customer_delete AFTER DELETE ON customer BEGIN
        INSERT INTO change(workspace_id, subject, subject_id, version, at) VALUES (old.workspace_id, 'customer', old.id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER));
    END;
CREATE TRIGGER change_customer_replaced BEFORE INSERT ON customer BEGIN INSERT INTO change(workspace_id, subject, subject_id, version, at) SELECT workspace_id, 'customer', id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER) FROM customer WHERE seq = new.seq OR external_id = new.external_id; END;
CREATE TRIGGER change_customer_pushed_out BEFORE UPDATE ON customer WHEN old.seq IS NOT new.seq OR old.external_id IS NOT new.external_id BEGIN
        INSERT INTO change(workspace_id, subject, subject_id, version, at) SELECT workspace_id, 'customer', id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER) FROM customer WHERE (seq = new.seq OR external_id = new.external_id) AND seq IS NOT old.seq;
    END;
CREATE TRIGGER customer_key_insert AFTER INSERT ON api_key WHEN new.customer_id IS NOT NULL BEGIN
        UPDATE customer SET key_count = key_count + 1
            WHERE id = new.customer_id AND new.status <> 'revoked';
        INSERT INTO key_set(workspace_id, mark, word, bits) SELECT new.workspace_id, 'customer:' || new.customer_id, new.seq >> 6, 1 << (new.seq & 63) WHERE 'customer:' || new.customer_id IS NOT NULL
        ON CONFLICT (workspace_id, mark, word) DO UPDATE SET bits = bits | excluded.bits;
    END;
CREATE TRIGGER customer_key_update AFTER UPDATE ON api_key
    WHEN (old.customer_id IS NOT NULL OR new.customer_id IS NOT NULL)
        AND (old.customer_id IS NOT new.customer_id OR old.status IS NOT new.status OR old.seq IS NOT new.seq
            OR old.workspace_id IS NOT new.workspace_id)
    BEGIN
        UPDATE customer SET key_count = key_count - 1
            WHERE id = old.customer_id AND old.status <> 'revoked';
        UPDATE key_set SET bits = bits & ~(1 << (old.seq & 63)) WHERE workspace_id = old.workspace_id AND mark IN ('customer:' || old.customer_id) AND word = old.seq >> 6;
        DELETE FROM key_set WHERE workspace_id = old.workspace_id AND mark IN ('customer:' || old.customer_id) AND word = old.seq >> 6 AND bits = 0;
        UPDATE customer SET key_count = key_count + 1
            WHERE id = new.customer_id AND new.status <> 'revoked';
        INSERT INTO key_set(workspace_id, mark, word, bits) SELECT new.workspace_id, 'customer:' || new.customer_id, new.seq >> 6, 1 << (new.seq & 63) WHERE 'customer:' || new.customer_id IS NOT NULL
        ON CONFLICT (workspace_id, mark, word) DO UPDATE SET bits = bits | excluded.bits;
    END;
CREATE TRIGGER customer_key_delete AFTER DELETE ON api_key WHEN old.customer_id IS NOT NULL BEGIN
        UPDATE customer SET key_count = key_count - 1
            WHERE id = old.customer_id AND old.status <> 'revoked';
        UPDATE key_set SET bits = bits & ~(1 << (old.seq & 63)) WHERE workspace_id = old.workspace_id AND mark IN ('customer:' || old.customer_id) AND word = old.seq >> 6;
        DELETE FROM key_set WHERE workspace_id = old.workspace_id AND mark IN ('customer:' || old.customer_id) AND word = old.seq >> 6 AND bits = 0;
    END;
CREATE TABLE webhook (
	seq INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	workspace_id TEXT NOT NULL, 
	url TEXT NOT NULL, 
	events TEXT NOT NULL, 
	note TEXT, 
	state TEXT NOT NULL, 
	created_by_type TEXT NOT NULL, 
	created_by_id TEXT, 
	created_by_name TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	version BIGINT NOT NULL, 
	CONSTRAINT pk_webhook PRIMARY KEY (seq), 
	CONSTRAINT fk_webhook_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id), 
	CONSTRAINT uq_webhook_id UNIQUE (id)
);
CREATE INDEX ix_webhook_workspace_id_state ON webhook (workspace_id, state);
CREATE TABLE webhook_secret (
	seq INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	workspace_id TEXT NOT NULL, 
	webhook_id TEXT NOT NULL, 
	sealed TEXT NOT NULL, 
	made_under TEXT NOT NULL, 
	valid_until BIGINT, 
	CONSTRAINT pk_webhook_secret PRIMARY KEY (seq), 
	CONSTRAINT fk_webhook_secret_webhook_id_webhook FOREIGN KEY(webhook_id) REFERENCES webhook (id) ON DELETE CASCADE, 
	CONSTRAINT fk_webhook_secret_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id), 
	CONSTRAINT uq_webhook_secret_id UNIQUE (id)
);
CREATE INDEX ix_webhook_secret_webhook_id ON webhook_secret (webhook_id);
CREATE TABLE webhook_event (
	seq INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	workspace_id TEXT NOT NULL, 
	type TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	data TEXT NOT NULL, 
	CONSTRAINT pk_webhook_event PRIMARY KEY (seq), 
	CONSTRAINT fk_webhook_event_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id), 
	CONSTRAINT uq_webhook_event_id UNIQUE (id)
);
CREATE TABLE webhook_delivery (
	seq INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	workspace_id TEXT NOT NULL, 
	webhook_id TEXT NOT NULL, 
	event_id TEXT NOT NULL, 
	outcome TEXT NOT NULL, 
	tries BIGINT NOT NULL, 
	next_at BIGINT, 
	tried_at BIGINT, 
	answer_code BIGINT, 
	failure TEXT, 
	duration_ms BIGINT, 
	created_at BIGINT NOT NULL, 
	CONSTRAINT pk_webhook_delivery PRIMARY KEY (seq), 
	CONSTRAINT fk_webhook_delivery_webhook_id_webhook FOREIGN KEY(webhook_id) REFERENCES webhook (id) ON DELETE CASCADE, 
	CONSTRAINT fk_webhook_delivery_event_id_webhook_event FOREIGN KEY(event_id) REFERENCES webhook_event (id) ON DELETE CASCADE, 
	CONSTRAINT fk_webhook_delivery_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id), 
	CONSTRAINT uq_webhook_delivery_id UNIQUE (id)
);
CREATE INDEX ix_webhook_delivery_due ON webhook_delivery (webhook_id, outcome, next_at);
CREATE INDEX ix_webhook_delivery_log ON webhook_delivery (webhook_id, seq);
CREATE INDEX ix_webhook_delivery_event_id ON webhook_delivery (event_id);
CREATE INDEX ix_webhook_delivery_created_at ON webhook_delivery (created_at);
CREATE TABLE webhook_expiry (
	workspace_id TEXT NOT NULL, 
	up_to BIGINT NOT NULL, 
	CONSTRAINT pk_webhook_expiry PRIMARY KEY (workspace_id), 
	CONSTRAINT fk_webhook_expiry_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id)
);
CREATE INDEX ix_binding_limited ON binding (key_id, chatflow_id, rate_limits) WHERE rate_limits IS NOT NULL;
CREATE TRIGGER change_key_limits AFTER UPDATE ON api_key WHEN old.rate_limits IS NOT new.rate_limits BEGIN
        INSERT INTO change(workspace_id, subject, subject_id, version, at) VALUES (old.workspace_id, 'key', old.id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER));
    END;
CREATE TRIGGER change_binding_limits AFTER UPDATE ON binding WHEN old.rate_limits IS NOT new.rate_limits BEGIN
        INSERT INTO change(workspace_id, subject, subject_id, version, at) VALUES (old.workspace_id, 'key', old.key_id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER));
    END;
CREATE TRIGGER change_chatflow_limits AFTER UPDATE ON chatflow WHEN old.rate_limits IS NOT new.rate_limits OR old.api_config IS NOT new.api_config OR old.chatbot_config IS NOT new.chatbot_config BEGIN
        INSERT INTO change(workspace_id, subject, subject_id, version, at) VALUES (old.workspace_id, 'chatflow', old.id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER));
    END;
CREATE TRIGGER change_customer_limits AFTER UPDATE ON customer WHEN old.rate_limits IS NOT new.rate_limits BEGIN
        INSERT INTO change(workspace_id, subject, subject_id, version, at) VALUES (old.workspace_id, 'customer', old.id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER));
    END;
CREATE TABLE quota_use (
	workspace_id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	subject_id TEXT NOT NULL, 
	unit TEXT NOT NULL, 
	step TEXT NOT NULL, 
	time BIGINT NOT NULL, 
	used BIGINT NOT NULL, 
	CONSTRAINT pk_quota_use PRIMARY KEY (workspace_id, kind, subject_id, unit, step, time), 
	CONSTRAINT fk_quota_use_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id)
)
 WITHOUT ROWID

;
CREATE INDEX ix_quota_use_step_time ON quota_use (step, time);
CREATE TABLE quota_notice (
	workspace_id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	subject_id TEXT NOT NULL, 
	unit TEXT NOT NULL, 
	period TEXT NOT NULL, 
	threshold BIGINT NOT NULL, 
	amount BIGINT NOT NULL, 
	at BIGINT NOT NULL, 
	CONSTRAINT pk_quota_notice PRIMARY KEY (workspace_id, kind, subject_id, unit, period, threshold), 
	CONSTRAINT fk_quota_notice_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id)
)
 WITHOUT ROWID

;
CREATE TRIGGER change_key_quotas AFTER UPDATE ON api_key WHEN old.quotas IS NOT new.quotas BEGIN
        INSERT INTO change(workspace_id, subject, subject_id, version, at) VALUES (old.workspace_id, 'key', old.id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER));
    END;
CREATE TRIGGER change_customer_quotas AFTER UPDATE ON customer WHEN old.quotas IS NOT new.quotas BEGIN
        INSERT INTO change(workspace_id, subject, subject_id, version, at) VALUES (old.workspace_id, 'customer', old.id, 0, CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER));
    END;
CREATE INDEX ix_audit_actor_type ON audit (workspace_id, actor_type, at, seq);
CREATE TABLE audit_count (
	workspace_id TEXT NOT NULL, 
	actor_type TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	action TEXT NOT NULL, 
	total BIGINT NOT NULL, 
	CONSTRAINT pk_audit_count PRIMARY KEY (workspace_id, actor_type, subject, action), 
	CONSTRAINT fk_audit_count_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id)
)
 WITHOUT ROWID

;
CREATE TRIGGER audit_count_insert AFTER INSERT ON audit BEGIN
        INSERT INTO audit_count(workspace_id, actor_type, subject, action, total)
            VALUES (new.workspace_id, new.actor_type, new.subject, new.action, 1)
            ON CONFLICT (workspace_id, actor_type, subject, action) DO UPDATE SET total = total + 1;
    END;
CREATE TRIGGER audit_count_delete AFTER DELETE ON audit BEGIN
        UPDATE audit_count SET total = total - 1 WHERE workspace_id = old.workspace_id
            AND actor_type = old.actor_type AND subject = old.subject AND action = old.action;
    END;
CREATE TRIGGER workspace_gone AFTER DELETE ON workspace BEGIN
        UPDATE api_key SET status = 'revoked', revoked_at = CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER), version = version + 1
            WHERE workspace_id = old.id AND status <> 'revoked';
        UPDATE chatflow SET is_public = 0, version = version + 1
            WHERE workspace_id = old.id AND is_public <> 0;
    END;
CREATE TABLE usage_total (
	workspace_id TEXT NOT NULL, 
	time BIGINT NOT NULL, 
	outcome TEXT NOT NULL, 
	took_0 BIGINT NOT NULL, 
	took_1 BIGINT NOT NULL, 
	took_2 BIGINT NOT NULL, 
	took_3 BIGINT NOT NULL, 
	took_4 BIGINT NOT NULL, 
	took_5 BIGINT NOT NULL, 
	took_6 BIGINT NOT NULL, 
	took_7 BIGINT NOT NULL, 
	took_8 BIGINT NOT NULL, 
	took_9 BIGINT NOT NULL, 
	took_10 BIGINT NOT NULL, 
	took_11 BIGINT NOT NULL, 
	took_12 BIGINT NOT NULL, 
	took_13 BIGINT NOT NULL, 
	took_14 BIGINT NOT NULL, 
	took_15 BIGINT NOT NULL, 
	took_16 BIGINT NOT NULL, 
	took_17 BIGINT NOT NULL, 
	took_18 BIGINT NOT NULL, 
	took_19 BIGINT NOT NULL, 
	took_20 BIGINT NOT NULL, 
	tokens_in BIGINT NOT NULL, 
	tokens_out BIGINT NOT NULL, 
	bytes_in BIGINT NOT NULL, 
	bytes_out BIGINT NOT NULL, 
	tokens_estimated BIGINT NOT NULL, 
	CONSTRAINT pk_usage_total PRIMARY KEY (workspace_id, time, outcome), 
	CONSTRAINT fk_usage_total_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id)
)
 WITHOUT ROWID

;
CREATE INDEX ix_usage_hour_failed ON usage_hour (workspace_id, time, key_id, outcome) WHERE outcome <> 'ok';
CREATE TABLE permission_use (
	workspace_id TEXT NOT NULL, 
	key_id TEXT NOT NULL, 
	permission TEXT NOT NULL, 
	first_at BIGINT NOT NULL, 
	CONSTRAINT pk_permission_use PRIMARY KEY (key_id, permission), 
	CONSTRAINT fk_permission_use_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id), 
	CONSTRAINT fk_permission_use_workspace_id_api_key FOREIGN KEY(workspace_id, key_id) REFERENCES api_key (workspace_id, id)
)
 WITHOUT ROWID

;
CREATE TABLE recording (
	what TEXT NOT NULL, 
	since BIGINT NOT NULL, 
	CONSTRAINT pk_recording PRIMARY KEY (what)
);
CREATE TABLE server (
	id TEXT NOT NULL, 
	host TEXT NOT NULL, 
	pid BIGINT NOT NULL, 
	identity TEXT NOT NULL, 
	siblings BIGINT NOT NULL, 
	counting TEXT, 
	started_at BIGINT NOT NULL, 
	beat_at BIGINT NOT NULL, 
	CONSTRAINT pk_server PRIMARY KEY (id)
);
CREATE TABLE import_job (
	id TEXT NOT NULL, 
	workspace_id TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	once TEXT, 
	name TEXT NOT NULL, 
	total BIGINT NOT NULL, 
	done BIGINT NOT NULL, 
	refused BIGINT NOT NULL, 
	state TEXT NOT NULL, 
	is_stopping BOOLEAN NOT NULL, 
	chatflow_id TEXT, 
	errors TEXT NOT NULL, 
	begun_at BIGINT NOT NULL, 
	told_at BIGINT NOT NULL, 
	CONSTRAINT pk_import_job PRIMARY KEY (id), 
	CONSTRAINT fk_import_job_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id)
);
CREATE INDEX ix_message_execution ON message (workspace_id, execution_id, chatflow_id) WHERE execution_id IS NOT NULL;
CREATE TABLE execution (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id TEXT NOT NULL, 
	workspace_id TEXT NOT NULL, 
	chatflow_id TEXT NOT NULL, 
	key_id TEXT, 
	person_id TEXT, 
	session_id TEXT NOT NULL, 
	chat_id TEXT NOT NULL, 
	state TEXT NOT NULL, 
	question TEXT NOT NULL, 
	started_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	stopped_at BIGINT, 
	expires_at BIGINT, 
	action TEXT, 
	text TEXT NOT NULL, 
	error TEXT, 
	entries TEXT NOT NULL, 
	saved TEXT, 
	flow TEXT, 
	taken_by TEXT, 
	taken_until BIGINT, 
	CONSTRAINT fk_execution_workspace_id_chatflow_id_chatflow FOREIGN KEY(workspace_id, chatflow_id) REFERENCES chatflow (workspace_id, id) ON DELETE CASCADE, 
	CONSTRAINT fk_execution_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id), 
	CONSTRAINT uq_execution_workspace_id_id UNIQUE (workspace_id, id)
);
CREATE INDEX ix_execution_chatflow ON execution (workspace_id, chatflow_id, id);
CREATE INDEX ix_execution_session ON execution (workspace_id, chatflow_id, session_id, id);
CREATE INDEX ix_execution_state ON execution (workspace_id, state, id);
CREATE INDEX ix_execution_expires ON execution (expires_at);
CREATE INDEX ix_execution_flow ON execution (workspace_id, chatflow_id, flow) WHERE flow IS NOT NULL;
CREATE TABLE execution_flow (
	workspace_id TEXT NOT NULL, 
	chatflow_id TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	flow TEXT NOT NULL, 
	CONSTRAINT pk_execution_flow PRIMARY KEY (workspace_id, chatflow_id, digest), 
	CONSTRAINT fk_execution_flow_workspace_id_chatflow_id_chatflow FOREIGN KEY(workspace_id, chatflow_id) REFERENCES chatflow (workspace_id, id) ON DELETE CASCADE, 
	CONSTRAINT fk_execution_flow_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id)
);
CREATE TABLE credential (
	seq INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	workspace_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	base_url TEXT NOT NULL, 
	sealed TEXT, 
	made_under TEXT, 
	problem TEXT, 
	created_by_type TEXT NOT NULL, 
	created_by_id TEXT, 
	created_by_name TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	version BIGINT NOT NULL, 
	CONSTRAINT pk_credential PRIMARY KEY (seq), 
	CONSTRAINT fk_credential_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id), 
	CONSTRAINT uq_credential_id UNIQUE (id)
);
CREATE UNIQUE INDEX ix_credential_workspace_id_name ON credential (workspace_id, name);
CREATE TABLE code_approval (
	workspace_id TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	approved_at BIGINT NOT NULL, 
	CONSTRAINT pk_code_approval PRIMARY KEY (workspace_id, digest), 
	CONSTRAINT fk_code_approval_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id)
)
 WITHOUT ROWID

;
CREATE TABLE tool (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id TEXT NOT NULL, 
	workspace_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	description TEXT NOT NULL, 
	color TEXT NOT NULL, 
	icon_src TEXT, 
	schema TEXT, 
	func TEXT, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	version BIGINT NOT NULL, export_id TEXT, 
	CONSTRAINT fk_tool_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id), 
	CONSTRAINT uq_tool_id UNIQUE (id)
);
CREATE TABLE variable (
	seq INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	workspace_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	type TEXT NOT NULL, 
	value TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	version BIGINT NOT NULL, 
	CONSTRAINT pk_variable PRIMARY KEY (seq), 
	CONSTRAINT fk_variable_workspace_id_workspace FOREIGN KEY(workspace_id) REFERENCES workspace (id), 
	CONSTRAINT uq_variable_id UNIQUE (id)
);
CREATE UNIQUE INDEX ix_variable_workspace_id_name ON variable (workspace_id, name);
CREATE UNIQUE INDEX ix_tool_workspace_id_export_id ON tool (workspace_id, export_id);
INSERT INTO alembic_version VALUES ('0034');
